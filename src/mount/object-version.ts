import { createHmac } from "node:crypto";
import type { Redacted } from "../shared/redacted.js";
import type { MountedFile, ObjectSpec } from "./mount-spec.js";
import { namedRequestsOf } from "./object-requests.js";
import { requestKey } from "./request-key.js";

/**
 * The version of an object: a keyed hash of its files' paths and bytes, and of nothing else, so it changes exactly when
 * they do, and is the same on every node, after every restart and in every release. Keyed, because versions are
 * readable in SecretProviderClassPodStatus, where a plain hash of a short secret could be guessed.
 */
export function objectVersion(key: Redacted<Buffer>, files: readonly MountedFile[]): string {
  const hmac = createHmac("sha256", key.reveal());
  for (const { path, contents } of files) {
    const bytes = contents.reveal();
    hmac.update(headOf(path, bytes.length)).update(bytes);
  }
  return hmac.digest("base64url");
}

/** The path behind its length in eight bytes, and the length of what follows. */
function headOf(path: string, contentLength: number): Buffer {
  const pathLength = Buffer.byteLength(path);
  const head = Buffer.allocUnsafe(pathLength + 16);
  head.writeBigUInt64BE(BigInt(pathLength));
  head.write(path, 8);
  head.writeBigUInt64BE(BigInt(contentLength), pathLength + 8);
  return head;
}

/**
 * The version of an object with `rolloutOnChange: false`: a keyed hash of its name and of what it asks Vault, and of
 * nothing that Vault answers. It equals no version of content, which begins with a length below 2^56.
 */
export function steadyVersion(key: Redacted<Buffer>, object: ObjectSpec): string {
  const asked = JSON.stringify([object.objectName, namedRequestsOf(object).map(requestKey)]);
  return createHmac("sha256", key.reveal()).update(`steady ${asked}`).digest("base64url");
}
