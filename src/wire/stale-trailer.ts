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

/** Objects in the trailer; characters of each text. At 6 KB it fits into one frame, and every client's limits. */
const [mostObjects, longestName, longestMessage] = [8, 100, 400];

/** The trailers of an answer; `undefined` where nothing is stale. */
export function staleTrailer(stale: readonly StaleObject[]): Metadata | undefined {
  if (stale.length === 0) return undefined;
  const told = stale.slice(0, mostObjects).map(({ object, code, message }) => ({
    object: object.slice(0, longestName),
    code,
    message: message.slice(0, longestMessage),
  }));
  const metadata = new Metadata();
  metadata.set(name, Buffer.from(JSON.stringify(told)));
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
