import {
  type MountRequestOptions,
  type WireMountRequest,
  readMountAttributes,
  readMountSpec,
} from "../../src/mount/mount-request.js";
import type { MountSpec } from "../../src/mount/mount-spec.js";

/** Reads the attributes and the class in one step, which a Mount does in two. */
export function parseMountRequest(request: WireMountRequest, options: MountRequestOptions): MountSpec {
  return readMountSpec(readMountAttributes(request), options);
}
