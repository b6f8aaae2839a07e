import { meantName } from "./meant-name.js";
import { named, quoted, word } from "../shared/quoted.js";
import { type Finding, Findings, mostShown } from "./findings.js";
import type { ClassSpec, OnDenied } from "./mount-spec.js";
import { readDuration, readTruth } from "./object-fields.js";
import { readObjects } from "./objects.js";
import { canonicalQuery, readSecretPath } from "./secret-path.js";
import { withoutOuterSlashes } from "../shared/slashes.js";

/** In this order the first that is there wins, as in the OpenBao provider (config.go). */
export const prefixes = ["bao", "openbao", "vault"] as const;

/** Parameters with a prefix: `vaultAddress`, `baoAddress`, `openbaoAddress`. */
export const prefixedParameters = ["RoleName", "Address", "Namespace", "KubernetesMountPath", "AuthMountPath"] as const;

/** Prefixed as well, but the operator decides these, so they mean nothing here. */
export const overruledParameters = [
  "SkipTLSVerify",
  "CACertPath",
  "CADirectory",
  "CAPem",
  "TLSServerName",
  "TLSClientCertPath",
  "TLSClientKeyPath",
] as const;

/** Parameters of one spelling. */
export const plainParameters = [
  "roleName",
  "audience",
  "objects",
  "connection",
  "refreshInterval",
  "onDenied",
  "rolloutOnChange",
] as const;

const known: ReadonlySet<string> = new Set([...plainParameters, ...allSpellings(prefixedParameters)]);
const overruled: ReadonlySet<string> = new Set(allSpellings(overruledParameters));

function allSpellings(suffixes: readonly string[]): string[] {
  return suffixes.flatMap((suffix) => spellings(suffix));
}

function spellings(suffix: string): string[] {
  return prefixes.map((prefix) => prefix + suffix);
}

/** Keys that the driver and the kubelet add to a class's parameters (driver 1.6.0 nodeserver.go). */
export function isDriversOwn(key: string): boolean {
  return key.startsWith("csi.storage.k8s.io/") || key === "secretProviderClass" || key === "providerName";
}

export interface ClassReading {
  /** Whole and usable only when no finding is an error. */
  spec: ClassSpec;
  findings: readonly Finding[];
  /** Errors beyond those in `findings`. */
  moreErrors: number;
}

/**
 * Reads a class's parameters, as Mount and `check` both do. `refreshIntervalMs` is for classes that name none; of each
 * level, `most` findings are kept.
 */
export function readClass(
  parameters: ReadonlyMap<string, string>,
  refreshIntervalMs: number,
  most = mostShown,
): ClassReading {
  const findings = new Findings(most);
  const reader = new ParameterReader(parameters, findings);
  const roleName = reader.text(reader.spelling("RoleName", ["roleName"]));
  if (roleName === "") reader.say("error", "roleName", "is missing; it is the Vault role to log in with");
  const optional = {
    connection: reader.text("connection"),
    address: reader.text(reader.spelling("Address")),
    vaultNamespace: reader.path(reader.spelling("Namespace")),
    authMount: reader.authMount(),
    audience: reader.text("audience").trim(),
  };
  reader.nameUnknown();
  reader.nameUnrendered();
  const ofClass = { refreshIntervalMs: reader.refreshIntervalMs(), rolloutOnChange: reader.rolloutOnChange() };
  const { objects } = readObjects(parameters.get("objects") ?? "", refreshIntervalMs, findings, ofClass);
  const spec: ClassSpec = {
    roleName,
    ...written(optional),
    onDenied: reader.onDenied(),
    objects,
    overruled: [...parameters.keys()].filter((key) => overruled.has(key)),
    unknown: textsOf(findings),
  };
  return { spec, findings: findings.list, moreErrors: findings.left("error") };
}

/** What means nothing, for the log. */
function textsOf(findings: Findings): string[] {
  const more = findings.left("ignored");
  return [...findings.texts("ignored"), ...(more > 0 ? [`and ${more} more`] : [])];
}

/** What the class's author wrote; an empty parameter is the same as none, as in Go. */
function written<T extends Record<string, string>>(texts: T): Partial<T> {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== "")) as Partial<T>;
}

const longest = 1024;

class ParameterReader {
  readonly #findings: Findings;
  readonly #parameters: ReadonlyMap<string, string>;

  constructor(parameters: ReadonlyMap<string, string>, findings: Findings) {
    this.#parameters = parameters;
    this.#findings = findings;
  }

  say(level: Finding["level"], parameter: string, text: string): void {
    this.#findings.push({ level, parameter, text: `${named(parameter)} ${text}` });
  }

  /** The spelling that is used of a prefixed parameter; others with another value are mentioned. */
  spelling(suffix: string, more: readonly string[] = []): string {
    const candidates = [...spellings(suffix), ...more].filter((name) => this.#get(name) !== "");
    const [used = `vault${suffix}`, ...others] = candidates;
    for (const other of others) {
      if (this.#get(other) !== this.#get(used))
        this.say("ignored", other, `is not used, because ${used} says otherwise`);
    }
    return used;
  }

  text(name: string): string {
    const text = this.#get(name);
    if (Buffer.byteLength(text) > longest) this.say("error", name, `is longer than ${longest} bytes`);
    else if (!text.isWellFormed() || /\p{Cc}/u.test(text))
      this.say("error", name, "holds a control character or a line break");
    return text;
  }

  /** A path without slashes at its ends, safe to be a part of a request's. */
  path(name: string): string {
    const text = this.#get(name);
    if (/^\/*$/.test(text)) return "";
    const read = readSecretPath(text);
    if (typeof read === "string") this.say("error", name, read);
    else if (canonicalQuery(read.query) !== "" || text.includes("?"))
      this.say("error", name, "holds a query, which belongs to secretPath");
    return typeof read === "string" ? "" : withoutOuterSlashes(text);
  }

  /** Both spellings at once is a mistake to the Go provider too (config.go). */
  authMount(): string {
    const older = this.spelling("KubernetesMountPath");
    const newer = this.spelling("AuthMountPath");
    const mount = this.path(this.#get(newer) === "" ? older : newer).replace(/^auth\//, "");
    if (this.#get(older) !== "" && this.#get(newer) !== "") {
      this.say("error", older, `and ${newer} are both set; keep ${newer}`);
    }
    if (mount.endsWith("/login")) {
      const used = this.#get(newer) === "" ? older : newer;
      this.say("warning", used, "ends with /login, which is where its logins go; write the mount's path without it");
    }
    return mount;
  }

  refreshIntervalMs(): number | undefined {
    const interval = readDuration(this.#get("refreshInterval"));
    if (typeof interval !== "string") return interval;
    this.say("error", "refreshInterval", interval);
    return undefined;
  }

  onDenied(): OnDenied {
    const written = this.#get("onDenied");
    if (written === "fail" || written === "keep") return written;
    if (written !== "") this.say("error", "onDenied", `${word(written)} is not known; write keep or fail`);
    return "keep";
  }

  rolloutOnChange(): boolean {
    const truth = readTruth(this.#get("rolloutOnChange"));
    if (typeof truth === "string") this.say("error", "rolloutOnChange", truth);
    return truth !== false;
  }

  nameUnknown(): void {
    for (const name of this.#parameters.keys()) {
      if (known.has(name) || overruled.has(name) || isDriversOwn(name)) continue;
      const meant = this.#findings.hasRoom("ignored") ? meantName(name, [...known, ...overruled]) : undefined;
      this.say("ignored", name, `is not a parameter${meant ? `; did you mean ${meant}?` : ""}`);
    }
  }

  /** Not in `objects`, where templates belong. */
  nameUnrendered(): void {
    for (const [name, text] of this.#parameters) {
      if (known.has(name) && name !== "objects" && text.includes("{{"))
        this.say(
          "warning",
          name,
          `${quoted(text)} is a template that is not rendered; render the chart first (helm template)`,
        );
    }
  }

  #get(name: string): string {
    return this.#parameters.get(name) ?? "";
  }
}
