import type { ProviderError } from "../shared/errors.js";
import type { Redacted } from "../shared/redacted.js";

/** The pod a Mount is for, as the kubelet wrote it into the attributes. */
export interface PodIdentity {
  namespace: string;
  name: string;
  uid: string;
  serviceAccount: string;
}

export const vaultMethods = ["GET", "LIST", "POST", "PUT", "PATCH", "DELETE"] as const;
export type VaultMethod = (typeof vaultMethods)[number];

/** One request to Vault in canonical form: equal requests have equal fields. */
export interface VaultRequest {
  method: VaultMethod;
  /** The API path without a leading `/` or `v1/` and without its query: `secret/data/app`. Validated; not escaped. */
  path: string;
  /** Sorted and URL-encoded, without `?`: `version=2`; empty when there is none. */
  query: string;
  /** The body, as JSON text with sorted keys. It may be a plaintext to encrypt, so it cannot be printed. */
  args?: Redacted<string>;
}

/** Which value of an answer an object wants: a top-level key, or a JSON Pointer's steps (RFC 6901). */
export type KeySelector = { key: string } | { pointer: readonly string[] };

export const encodings = ["utf-8", "base64", "base64url", "hex"] as const;
export type Encoding = (typeof encodings)[number];

/** How an answer becomes a file, where it is not a value or the whole answer. */
export const formats = [
  "raw",
  "json",
  "env",
  "docker-env",
  "kube-env",
  "properties",
  "yaml",
  "envelope",
  "dockerconfigjson",
  "pem-bundle",
  "pkcs12",
] as const;
export type Format = (typeof formats)[number];

/** How the keys of a secret become files. */
export interface KeyFiles {
  /** Names or patterns with `*` and `?`; none for all keys. */
  keys: readonly string[];
  /** Key → path below the folder. */
  rename: ReadonlyMap<string, string>;
}

/** Every secret below a path. */
export interface RecursiveRead {
  /** Where the secrets are read: `secret/data/shop`. */
  path: string;
  /** How each is read, by its path below that one; known once they were listed, in a Mount. */
  secrets?: ReadonlyMap<string, VaultRequest>;
  /** Why they are those of a list that was held. */
  staleReason?: ProviderError;
}

/** A Liquid template over the object's own secret, and over those of its sources by their names. */
export interface Template {
  text: string;
  /** Whether the object has a secret of its own; else its `request` is that of the first source. */
  own: boolean;
  sources: ReadonlyMap<string, VaultRequest>;
}

/** What a keystore needs beside its certificates and key. */
export interface Keystore {
  /** Where the password is. */
  password: { request: VaultRequest; key: KeySelector };
  /** The entry's name. */
  alias: string;
  /** Triple DES and SHA-1, for programs that read nothing else. */
  legacy: boolean;
}

/** One entry of the class's `objects`. */
export interface ObjectSpec {
  /** The file's path in the volume: relative, clean, unique; with `keyFiles` that of a folder, and a slash. */
  objectName: string;
  /** Every key of the data is a file of its own. */
  keyFiles?: KeyFiles;
  /** That of many secrets, which `request` lists. */
  recursive?: RecursiveRead;
  request: VaultRequest;
  /** A secret or key that is not there is left out; one that is denied is not. */
  optional?: true;
  /** What takes the place of a secret or key that is not there: a text, or another key of the same secret. */
  fallback?: { text: Redacted<string> } | { key: string };
  /** Without it the file is the whole answer as JSON. */
  secretKey?: KeySelector;
  encoding: Encoding;
  /** Without it the file is the value, decoded, or the whole answer. */
  format?: Format;
  template?: Template;
  /** With format pkcs12. */
  keystore?: Keystore;
  /** 0..0o777; without it the request's permission. */
  mode?: number;
  /** `false`: its version is the same whatever its content, so nothing is rolled out for a change of it. */
  rolloutOnChange?: false;
  /** How old a static answer may be before a republish reads it again. */
  refreshIntervalMs: number;
  /** The same for an issued one; without it, its end alone counts. */
  issuedIntervalMs?: number;
  /** How long an issued answer lives, as far as the author knows. */
  lifetimeMs?: number;
}

/** What a SecretProviderClass, overlaid by the pod's volumeAttributes, asks for. All of it is a pod author's input. */
/** What a denial or deletion means for what a volume holds: it stays, or the Mount fails. */
export type OnDenied = "keep" | "fail";

export interface ClassSpec {
  roleName: string;
  /** The operator's connection by name. */
  connection?: string;
  /** `vaultAddress` as written; it selects a connection, it is never dialled. */
  address?: string;
  vaultNamespace?: string;
  authMount?: string;
  audience?: string;
  /** What a republish does when Vault now denies or has deleted what it gave before. */
  onDenied: OnDenied;
  objects: readonly ObjectSpec[];
  /** Parameters that mean nothing here because the operator decides them (`vaultSkipTLSVerify`, …), by name. */
  overruled: readonly string[];
  /** Unknown parameters and fields, by name and location; ignored, and logged once a class. */
  unknown: readonly string[];
}

/** A service account token as the driver sent it. */
export interface OfferedToken {
  jwt: Redacted<string>;
  /** Milliseconds since the epoch, where the driver said so. */
  expiresAt?: number;
}

/** A whole Mount, parsed: nothing past this point sees a raw string of the driver's again. */
export interface MountSpec {
  pod: PodIdentity;
  /** `metadata.name` of the class where the driver sent it, for messages and the log. */
  className?: string;
  class: ClassSpec;
  /** By audience, trimmed; `""` is the API server's own. */
  tokens: ReadonlyMap<string, OfferedToken>;
  /** As sent; a pod volume's path or anything else (`mount/target-path.ts` tells). */
  targetPath: string;
  /** The mode of files whose object names none. */
  defaultMode: number;
  /** A digest of all parameters, for those whose target path tells nothing. */
  parametersDigest: string;
}

/** One file of the answer; without a mode of its own it has the Mount's `defaultMode`. */
export interface MountedFile {
  path: string;
  mode?: number | undefined;
  contents: Redacted<Buffer>;
}
