import type { ClassSpec } from "./mount-spec.js";
import { requestsOf } from "./object-requests.js";
import { retainedBytes } from "./retained-bytes.js";

const bytesPerClass = 1_024;
/** The groups that a class's objects are put into. */
const bytesPerRequest = 256;

const known = new WeakMap<ClassSpec, number>();

/** Bytes of memory that a class keeps, nearly: all that was read, and what is made of it once. */
export function classBytes(read: ClassSpec): number {
  const bytes = known.get(read) ?? counted(read);
  known.set(read, bytes);
  return bytes;
}

function counted(read: ClassSpec): number {
  const requests = read.objects.reduce((sum, object) => sum + requestsOf(object).length, 0);
  return bytesPerClass + retainedBytes(read) + requests * bytesPerRequest;
}
