import { Metadata } from "@grpc/grpc-js";

/** An object for which the provider served a cached secret, and why. */
export interface StaleObject {
  object: string;
  /** keymount's code of the failure, or gRPC's. */
  code: string;
  message: string;
}

/** A trailer of a Mount's answer. Drivers ignore it; `keymount mount` shows it. */
const name = "keymount-stale-bin";

/** Characters of each text. */
const [longestName, longestMessage] = [100, 400];

/** Of the trailer as JSON: in base64 it fits into one frame of HTTP/2, and the limits of every client. */
const mostBytes = 8 << 10;

/** The trailers of an answer, with as many objects as fit; `undefined` where nothing is stale. */
export function staleTrailer(stale: readonly StaleObject[]): Metadata | undefined {
  if (stale.length === 0) return undefined;
  const texts: string[] = [];
  let bytes = 2;
  for (const { object, code, message } of stale) {
    const told = { object: object.slice(0, longestName), code, message: message.slice(0, longestMessage) };
    const text = JSON.stringify(told);
    bytes += Buffer.byteLength(text) + 1;
    if (bytes > mostBytes) break;
    texts.push(text);
  }
  const metadata = new Metadata();
  metadata.set(name, Buffer.from(`[${texts.join(",")}]`));
  return metadata;
}

/** What a provider's trailers tell; nothing where they are not keymount's. */
export function staleObjects(trailers: Metadata): StaleObject[] {
  const [value] = trailers.get(name);
  try {
    const told: unknown = JSON.parse(String(value));
    return Array.isArray(told) ? told.filter(isStaleObject) : [];
  } catch {
    return [];
  }
}

function isStaleObject(value: unknown): value is StaleObject {
  if (typeof value !== "object" || value === null) return false;
  const { object, code, message } = value as Record<string, unknown>;
  return [object, code, message].every((text) => typeof text === "string");
}
