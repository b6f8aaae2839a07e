import { goJson } from "../shared/go-json.js";
import { word } from "../shared/quoted.js";
import { Redacted } from "../shared/redacted.js";
import { type VaultMethod, type VaultRequest, vaultMethods } from "./mount-spec.js";
import type { ObjectReader } from "./object-reader.js";
import { canonicalQuery, readSecretPath } from "./secret-path.js";
import { jsonOf, longestNumber } from "./yaml-value.js";

/** The fields that say what to ask Vault. */
export const requestFields = ["secretPath", "version", "method", "secretArgs"] as const;

/**
 * `?list=true` on a GET is Vault's other way to write LIST, and `?list=false` would undo one; policy, the answer book and
 * Vault must see one thing.
 */
export function requestOf(object: ObjectReader): VaultRequest {
  const written = object.text("secretPath");
  const read = written === "" ? "is missing; it is the path of the secret in Vault" : readSecretPath(written);
  const method = methodOf(object);
  const args = argsOf(object, method);
  if (typeof read === "string") {
    object.error("secretPath", read);
    return { method, path: "", query: "" };
  }
  const lists = method === "GET" && /^(1|t|true)$/i.test(read.query.get("list") ?? "");
  if (method === "GET" || method === "LIST") read.query.delete("list");
  addVersion(object, method, read.query);
  return { method: lists ? "LIST" : method, path: read.path, query: canonicalQuery(read.query), ...(args && { args }) };
}

function addVersion(object: ObjectReader, method: VaultMethod, query: URLSearchParams): void {
  const version = versionOf(object);
  if (version === undefined) return;
  const queried = query.get("version");
  if (method !== "GET") object.error("version", `is for reading (method: GET), not for ${method}`);
  else if (queried !== null && queried !== version)
    object.error("version", "differs from the ?version= in secretPath; write it once");
  else query.set("version", version);
}

function methodOf(object: ObjectReader): VaultMethod {
  const written = object.text("method");
  const method = vaultMethods.find((known) => known === written.toUpperCase());
  if (written !== "" && !method) {
    object.error("method", `${word(written)} is not a method of Vault; write one of ${vaultMethods.join(", ")}`);
  }
  return method ?? "GET";
}

/** Canonical JSON of `secretArgs`. Nothing of it may be quoted: it may be a plaintext to encrypt. */
function argsOf(object: ObjectReader, method: VaultMethod): Redacted<string> | undefined {
  const node = object.node("secretArgs");
  if (!node) return undefined;
  if (node.kind !== "map") {
    object.mustBe("secretArgs", "map", " (name: value)");
    return undefined;
  }
  if (!["POST", "PUT", "PATCH"].includes(method)) {
    object.ignored(
      "secretArgs",
      `is not sent with ${method}; write method: PUT, or put it into secretPath as ?name=value`,
    );
    return undefined;
  }
  try {
    return new Redacted(goJson(jsonOf(node)));
  } catch {
    object.error(
      "secretArgs",
      `holds a number that JSON has no form for (.inf or .nan), or one longer than ${longestNumber} characters; put it in quotes`,
    );
    return undefined;
  }
}

function versionOf(object: ObjectReader): string | undefined {
  const written = object.text("version");
  if (written === "") return undefined;
  if (/^[1-9]\d{0,8}$/.test(written)) return written;
  object.error(
    "version",
    `${word(written)} is not a version; write a whole number from 1 up, or leave it out for the newest`,
  );
  return undefined;
}
