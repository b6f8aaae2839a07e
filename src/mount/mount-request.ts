import { createHash } from "node:crypto";
import { quoted, word } from "../shared/quoted.js";
import type { ClassCache } from "./class-cache.js";
import { isDriversOwn } from "./class-parameters.js";
import { refusal } from "./findings.js";
import type { MountSpec, OfferedToken, PodIdentity } from "./mount-spec.js";
import { readTokens, tokensKey } from "./offered-tokens.js";

/** A Mount as the driver sends it: text of a stranger's, some of it JSON (driver 1.6.0 service.proto). */
export interface WireMountRequest {
  attributes: string;
  secrets: string;
  targetPath: string;
  permission: string;
}

export interface MountRequestOptions {
  /** For classes and objects that name none. */
  refreshIntervalMs: number;
  classes: ClassCache;
}

const mostAttributeBytes = 256 << 10;
const mostAttributes = 1_000;

/** A Mount whose class is not read yet: cheap to have, however hostile its author. */
export interface MountAttributes extends Omit<MountSpec, "class"> {
  parameters: ReadonlyMap<string, string>;
  /** Of everything but the class. */
  mistakes: readonly string[];
}

/** Reads all but the class. Throws `invalid_request` for what is no Mount at all. Everything in it may be a pod author's. */
export function readMountAttributes(request: WireMountRequest): MountAttributes {
  const attributes = readAttributes(request.attributes);
  const mistakes: string[] = [];
  const pod = podOf(attributes, mistakes);
  const tokens = tokensOf(attributes, request.secrets, mistakes);
  const defaultMode = modeOf(request.permission, mistakes);
  const className = attributes.get("secretProviderClass") ?? "";
  if (request.targetPath === "") mistakes.push("the request has no target path");
  const parameters = parametersOf(attributes);
  return {
    pod,
    ...(isKubernetesName(className) && { className }),
    tokens,
    targetPath: request.targetPath,
    defaultMode,
    parameters,
    parametersDigest: digest(parameters),
    mistakes,
  };
}

/**
 * Reads the class as well: up to some forty milliseconds, unless it is known. Throws one `invalid_request` that names every
 * mistake of the Mount, so that all can be fixed at once.
 */
export function readMountSpec(
  { parameters, mistakes, ...mount }: MountAttributes,
  { classes, refreshIntervalMs }: MountRequestOptions,
): MountSpec {
  const read = classes.read(parameters, mount.parametersDigest, refreshIntervalMs);
  if ("mistakes" in read) throw refusal([...mistakes, ...read.mistakes], read.more);
  if (mistakes.length > 0) throw refusal(mistakes);
  return { ...mount, class: read.spec };
}

function readAttributes(text: string): Map<string, string> {
  if (text.length > mostAttributeBytes)
    throw refusal([`the attributes are longer than ${mostAttributeBytes >> 10} KiB`]);
  const read = json(text);
  if (typeof read !== "object" || read === null || Array.isArray(read)) {
    throw refusal(["the attributes are not a JSON object of strings"]);
  }
  const entries = Object.entries(read as Record<string, unknown>);
  if (entries.length > mostAttributes)
    throw refusal([`there are ${entries.length} attributes, more than ${mostAttributes}`]);
  const odd = entries.filter(([, value]) => typeof value !== "string");
  if (odd.length > 0) {
    throw refusal(odd.map(([key, value]) => `${quoted(key)} must be a string, not ${kindOf(value)}; put it in quotes`));
  }
  const strings = entries as [string, string][];
  const ill = strings.filter((entry) => !entry.every((text) => text.isWellFormed()));
  if (ill.length > 0)
    throw refusal(ill.map(([key]) => `${quoted(key)} holds half a character (a lone surrogate); write it whole`));
  return new Map(strings);
}

function podOf(attributes: ReadonlyMap<string, string>, mistakes: string[]): PodIdentity {
  const key = (name: string) => `csi.storage.k8s.io/${name}`;
  const get = (name: string) => attributes.get(key(name)) ?? "";
  const pod = {
    namespace: get("pod.namespace"),
    name: get("pod.name"),
    uid: get("pod.uid"),
    serviceAccount: get("serviceAccount.name"),
  };
  const missing = 'is missing; the CSIDriver object needs "podInfoOnMount: true"';
  const check = (name: string, value: string, isWell: (text: string) => boolean) => {
    if (value !== "" && !isWell(value)) mistakes.push(`${key(name)} is not a name Kubernetes gives`);
  };
  if (pod.namespace === "") mistakes.push(`${key("pod.namespace")} ${missing}`);
  if (pod.serviceAccount === "") mistakes.push(`${key("serviceAccount.name")} ${missing}`);
  check("pod.namespace", pod.namespace, isKubernetesName);
  check("pod.name", pod.name, isKubernetesName);
  check("serviceAccount.name", pod.serviceAccount, isKubernetesName);
  check("pod.uid", pod.uid, (uid) => /^[A-Za-z0-9-]{1,128}$/.test(uid));
  return pod;
}

function isKubernetesName(text: string): boolean {
  return /^[a-z0-9][-a-z0-9.]{0,252}$/.test(text);
}

/**
 * Since Kubernetes 1.35 tokens may come among the secrets; driver 1.6 copies them into the attributes, others need not.
 * They come first: a kubelet that sends them there leaves the attribute to the pod's author, who cannot write a Secret's
 * key that holds a slash.
 */
function tokensOf(
  attributes: ReadonlyMap<string, string>,
  secrets: string,
  mistakes: string[],
): ReadonlyMap<string, OfferedToken> {
  const tokens = readTokens(secretTokens(secrets) || (attributes.get(tokensKey) ?? ""));
  if (typeof tokens !== "string") return tokens;
  mistakes.push(`${tokensKey} ${tokens}`);
  return new Map();
}

/** Drivers send "", "null" and "{}" for no secrets; other keys in there are the class's own and no business of ours. */
function secretTokens(secrets: string): string {
  const read = secrets.length > mostAttributeBytes ? undefined : json(secrets);
  if (typeof read !== "object" || read === null || !Object.hasOwn(read, tokensKey)) return "";
  const text = (read as Record<string, unknown>)[tokensKey];
  return typeof text === "string" ? text : "";
}

/** `"420"` from every driver: a JSON number, the decimal of 0644, which is also what none means. */
function modeOf(permission: string, mistakes: string[]): number {
  if (permission === "") return 0o644;
  const mode = /^\d{1,3}$/.test(permission) ? Number(permission) : undefined;
  if (mode !== undefined && mode <= 0o777) return mode || 0o644;
  mistakes.push(`the permission ${word(permission)} is not a decimal number within 0 and 511`);
  return 0o644;
}

/** What the class says, without what the driver adds for the pod at hand; sorted. */
function parametersOf(attributes: ReadonlyMap<string, string>): Map<string, string> {
  const own = [...attributes].filter(([key]) => !isDriversOwn(key));
  return new Map(own.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The lengths come first, so that no two classes give the same bytes; nothing of them is copied, for they may be large. */
function digest(parameters: ReadonlyMap<string, string>): string {
  let lengths = `${parameters.size}:`;
  for (const [name, text] of parameters) lengths += `${name.length}:${name}${text.length}:`;
  const hash = createHash("sha256").update(lengths);
  for (const text of parameters.values()) hash.update(text);
  return hash.digest("hex");
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
}
