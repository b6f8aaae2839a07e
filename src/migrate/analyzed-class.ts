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
    tls: tlsOf(parameters, family),
    ...(secretObjects !== undefined && { secretObjects }),
  };
}

const tlsTexts = {
  CACertPath: "caFile",
  CADirectory: "caDirectory",
  TLSServerName: "serverName",
  TLSClientCertPath: "certFile",
  TLSClientKeyPath: "keyFile",
} as const;

function tlsOf(parameters: ReadonlyMap<string, string>, family: Family): Partial<TlsSettings> {
  const spelled = family === "vault" ? ["vault"] : prefixes;
  const get = (suffix: string) => spelled.map((prefix) => parameters.get(prefix + suffix)).find(Boolean);
  const texts = Object.entries(tlsTexts).flatMap(([suffix, key]) => {
    const text = get(suffix);
    return text === undefined || /\p{Cc}/u.test(text) ? [] : [[key, text] as const];
  });
  // Go's client can be told to skip, but not to stop skipping (vault/api client.go, configureTLS).
  const skips = /^(1|t|T|TRUE|true|True)$/.test(get("SkipTLSVerify") ?? "");
  return { ...Object.fromEntries(texts), ...(skips && { skipVerify: true }) };
}
