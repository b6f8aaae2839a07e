import { expect, test } from "vitest";
import { Redacted } from "../shared/redacted.js";
import type { ClassSpec, MountSpec } from "./mount-spec.js";
import { RequestsInFlight } from "./requests-in-flight.js";

const classOf = (size: number): ClassSpec => ({
  roleName: "x".repeat(size),
  onDenied: "keep",
  objects: [],
  overruled: [],
  unknown: [],
});
const specOf = (namespace: string, read: ClassSpec, token = "a.b.c"): MountSpec => ({
  pod: { namespace, name: "web-0", uid: "0b2c", serviceAccount: "web" },
  class: read,
  tokens: new Map([["vault", { jwt: new Redacted(token) }]]),
  targetPath: "/mnt",
  defaultMode: 0o644,
  parametersDigest: "d",
});

test("a class of many pods counts once, until the last of them is answered", () => {
  const flight = new RequestsInFlight(1 << 20);
  const shared = classOf(100_000);
  const releases = Array.from({ length: 50 }, () => flight.take(specOf("shop", shared)));
  expect(flight.bytes).toBeLessThan(100_000 + 50 * 1_100 + 4_096);
  const [first, ...others] = releases;
  first!();
  expect(flight.bytes).toBeGreaterThan(100_000);
  for (const release of others) release();
  expect(flight.bytes).toBe(0);
});

test("classes of one namespace leave room for the others'", () => {
  const flight = new RequestsInFlight(1 << 20);
  const take = () => flight.take(specOf("mallory", classOf(100_000)));
  const held = [take(), take(), take(), take(), take()];
  expect(take).toThrow(
    "the mounts of namespace mallory that wait for Vault on this node hold as much memory for their classes as they may",
  );
  expect(take).toThrow(expect.objectContaining({ code: "limit_exceeded" }) as Error);
  flight.take(specOf("shop", classOf(100_000)))();
  for (const release of held) release();
  take()();
  expect(flight.bytes).toBe(0);
});

test("tokens count", () => {
  const flight = new RequestsInFlight(64 << 10);
  const small = classOf(10);
  flight.take(specOf("shop", small, "t".repeat(16_000)));
  expect(() => flight.take(specOf("shop", small, "t".repeat(16_000)))).toThrow("hold as much memory");
});
