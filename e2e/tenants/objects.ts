import type { Attempt, Tenant } from "./misbehaviour.js";

/** The `objects` of a class: one line each. */
export const objects = (count: number, line: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => line(n)).join("\n");

/** Objects that read a path with another query each, so that no two share an answer. */
export const reads = (count: number, path: string, key: string, salt: string | number = "") =>
  objects(count, (n) => `- {objectName: f${n}, secretPath: "${path}?x=${salt}-${n}", secretKey: ${key}}`);

/** A Mount of a pod of its own each time, with a class of these objects. */
export const freshPods =
  (objectsOf: (tenant: Tenant, n: number) => string, more: Partial<Attempt> = {}) =>
  (tenant: Tenant, n: number): Attempt => ({
    pod: n,
    ...more,
    parameters: { objects: objectsOf(tenant, n), ...more.parameters },
  });

/** A Mount of one pod for each lane, again and again. */
export const samePods =
  (objectsOf: (tenant: Tenant, n: number, lane: number) => string, more: Partial<Attempt> = {}) =>
  (tenant: Tenant, n: number, lane: number): Attempt => ({
    pod: lane,
    ...more,
    parameters: { objects: objectsOf(tenant, n, lane), ...more.parameters },
  });
