import { createHash } from "node:crypto";
import { quoted, word } from "../shared/quoted.js";
import type { BoundedCache } from "./bounded-cache.js";
import { classBytes } from "./class-bytes.js";
import { isDriversOwn, readClass } from "./class-parameters.js";
import { refusal } from "./findings.js";
import { hasMoreStrings } from "./json-strings.js";
import type { ClassSpec, MountSpec, OfferedToken, PodIdentity } from "./mount-spec.js";
import { requestsOf } from "./object-requests.js";
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
  /** Classes that were read before, by their digest, weighed in the bytes they keep: reading one costs a millisecond. */
  classes: BoundedCache<ClassSpec>;
}

const mostAttributeBytes = 256 << 10;
const mostAttributes = 1_000;

/** What is wrong with a request; `more` are not named. */
interface Mistakes {
  texts: string[];
  more: number;
}

/**
 * Reads a whole Mount, or throws one `invalid_request` that names every mistake in it: nobody should have to fix one per
 * try. Everything in it may be written by a pod's author.
 */
export function parseMountRequest(request: WireMountRequest, options: MountRequestOptions): MountSpec {
  const attributes = readAttributes(request.attributes);
  const mistakes: Mistakes = { texts: [], more: 0 };
  const pod = podOf(attributes, mistakes);
  const tokens = tokensOf(attributes, request.secrets, mistakes);
  const defaultMode = modeOf(request.permission, mistakes);
  const className = attributes.get("secretProviderClass") ?? "";
  if (request.targetPath === "") mistakes.texts.push("the request has no target path");
  const parameters = parametersOf(attributes);
  const parametersDigest = digest(parameters);
  const spec = classOf(parameters, parametersDigest, options, mistakes);
  if (mistakes.texts.length > 0) throw refusal(mistakes.texts, mistakes.more);
  return {
    pod,
    ...(isKubernetesName(className) && { className }),
    class: spec,
    tokens,
    targetPath: request.targetPath,
    defaultMode,
    parametersDigest,
  };
}

function readAttributes(text: string): Map<string, string> {
  if (text.length > mostAttributeBytes)
    throw refusal([`the attributes are longer than ${mostAttributeBytes >> 10} KiB`]);
  if (hasMoreStrings(text, 2 * mostAttributes)) throw refusal([`there are more than ${mostAttributes} attributes`]);
  const read = json(text);
  if (typeof read !== "object" || read === null || Array.isArray(read)) {
    throw refusal(["the attributes are not a JSON object of strings"]);
  }
  const entries = Object.entries(read as Record<string, unknown>);
  const odd = entries.filter(([, value]) => typeof value !== "string");
  if (odd.length > 0) {
    throw refusal(odd.map(([key, value]) => `${quoted(key)} must be a string, not ${kindOf(value)}; put it in quotes`));
  }
  return new Map(entries as [string, string][]);
}

function podOf(attributes: ReadonlyMap<string, string>, mistakes: Mistakes): PodIdentity {
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
    if (value !== "" && !isWell(value)) mistakes.texts.push(`${key(name)} is not a name Kubernetes gives`);
  };
  if (pod.namespace === "") mistakes.texts.push(`${key("pod.namespace")} ${missing}`);
  if (pod.serviceAccount === "") mistakes.texts.push(`${key("serviceAccount.name")} ${missing}`);
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
  mistakes: Mistakes,
): ReadonlyMap<string, OfferedToken> {
  const tokens = readTokens(secretTokens(secrets) || (attributes.get(tokensKey) ?? ""));
  if (typeof tokens !== "string") return tokens;
  mistakes.texts.push(`${tokensKey} ${tokens}`);
  return new Map();
}

/** Drivers send "", "null" and "{}" for no secrets; other keys in there are the class's own and no business of ours. */
function secretTokens(secrets: string): string {
  const isTooMuch = secrets.length > mostAttributeBytes || hasMoreStrings(secrets, 2 * mostAttributes);
  const read = isTooMuch ? undefined : json(secrets);
  if (typeof read !== "object" || read === null || !Object.hasOwn(read, tokensKey)) return "";
  const text = (read as Record<string, unknown>)[tokensKey];
  return typeof text === "string" ? text : "";
}

/** `"420"` from every driver: a JSON number, the decimal of 0644, which is also what none means. */
function modeOf(permission: string, mistakes: Mistakes): number {
  if (permission === "") return 0o644;
  const mode = /^\d{1,3}$/.test(permission) ? Number(permission) : undefined;
  if (mode !== undefined && mode <= 0o777) return mode || 0o644;
  mistakes.texts.push(`the permission ${word(permission)} is not a decimal number within 0 and 511`);
  return 0o644;
}

/** What the class says, without what the driver adds for the pod at hand; sorted. */
function parametersOf(attributes: ReadonlyMap<string, string>): Map<string, string> {
  const own = [...attributes].filter(([key]) => !isDriversOwn(key));
  return new Map(own.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function digest(parameters: ReadonlyMap<string, string>): string {
  return createHash("sha256")
    .update(JSON.stringify([...parameters]))
    .digest("hex");
}

function classOf(
  parameters: ReadonlyMap<string, string>,
  key: string,
  { classes, refreshIntervalMs }: MountRequestOptions,
  mistakes: Mistakes,
): ClassSpec {
  const held = classes.get(key);
  if (held) return held;
  const { spec, findings, moreErrors } = readClass(parameters, refreshIntervalMs);
  const errors = findings.filter(({ level }) => level === "error").map(({ text }) => text);
  mistakes.texts.push(...errors);
  mistakes.more += moreErrors;
  if (errors.length === 0) classes.set(key, frozen(spec), classBytes(spec));
  return spec;
}

/** It is shared by every Mount of the class. */
function frozen(spec: ClassSpec): ClassSpec {
  for (const object of spec.objects) {
    for (const request of requestsOf(object)) Object.freeze(request);
    Object.freeze(object);
  }
  return Object.freeze(spec);
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
