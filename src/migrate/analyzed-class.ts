import type { TlsSettings } from "../config/connection.js";
import { readOrigin } from "../config/origin.js";
import { prefixes, readClass } from "../mount/class-parameters.js";
import { mostRead } from "../mount/findings.js";
import type { ClassSpec } from "../mount/mount-spec.js";
import type { YamlNode } from "../mount/yaml-tree.js";

/** A SecretProviderClass of the cluster. */
export interface WrittenClass {
  namespace: string;
  name: string;
  /** Its `spec.provider`. */
  provider: string;
  parameters: ReadonlyMap<string, string>;
  /** Its `spec.secretObjects`, unchecked. */
  secretObjects?: YamlNode;
}

/** Which of the two Go providers served the classes: they read different spellings. */
export type Family = "vault" | "openbao";

/** A class as it stands in the cluster, read as a Mount reads it. */
export interface AnalyzedClass {
  namespace: string;
  name: string;
  parameters: ReadonlyMap<string, string>;
  spec: ClassSpec;
  /** Why no pod could mount it, under any configuration. */
  mistakes: readonly string[];
  /** What it says to no effect. */
  ignored: readonly string[];
  /** The Vault it names, as origins are compared; absent where it names none, or none that can be one. */
  origin?: string;
  /** What it told the Go provider of TLS. */
  tls: Partial<TlsSettings>;
  /** By which parameter. */
  tlsParameters: Partial<Record<keyof TlsSettings, string>>;
  /** As in `WrittenClass`. */
  secretObjects?: YamlNode;
}

/** The operator's default is not known here, and only its being there matters. */
const anyInterval = 120_000;

export function analyzeClass(written: WrittenClass, family: Family): AnalyzedClass {
  const { namespace, name, parameters, secretObjects } = written;
  const { spec, findings } = readClass(parameters, anyInterval, mostRead);
  const of = (wanted: string) => findings.filter(({ level }) => level === wanted).map(({ text }) => text);
  const reading = spec.address === undefined ? undefined : readOrigin(spec.address);
  return {
    namespace,
    name,
    parameters,
    spec,
    mistakes: of("error"),
    ignored: of("ignored"),
    ...(reading && "origin" in reading && { origin: reading.origin }),
    ...tlsOf(parameters, family),
    ...(secretObjects !== undefined && { secretObjects }),
  };
}

const tlsTexts = {
  caFile: "CACertPath",
  caDirectory: "CADirectory",
  serverName: "TLSServerName",
  certFile: "TLSClientCertPath",
  keyFile: "TLSClientKeyPath",
} as const;

function tlsOf(parameters: ReadonlyMap<string, string>, family: Family): Pick<AnalyzedClass, "tls" | "tlsParameters"> {
  const spelled = family === "vault" ? ["vault"] : prefixes;
  const find = (suffix: string) => spelled.map((prefix) => prefix + suffix).find((name) => parameters.get(name));
  const texts = Object.entries(tlsTexts).flatMap(([key, suffix]) => {
    const name = find(suffix);
    const text = name === undefined ? undefined : parameters.get(name);
    return text === undefined || /\p{Cc}/u.test(text) ? [] : [{ key, name, text }];
  });
  const skip = find("SkipTLSVerify");
  // Go's client can be told to skip, but not to stop skipping (vault/api client.go, configureTLS).
  const skips = skip !== undefined && /^(1|t|T|TRUE|true|True)$/.test(parameters.get(skip)!);
  return {
    tls: { ...Object.fromEntries(texts.map(({ key, text }) => [key, text])), ...(skips && { skipVerify: true }) },
    tlsParameters: {
      ...Object.fromEntries(texts.map(({ key, name }) => [key, name])),
      ...(skips && { skipVerify: skip }),
    },
  };
}
