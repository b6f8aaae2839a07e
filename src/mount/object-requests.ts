import type { ObjectSpec, VaultRequest } from "./mount-spec.js";
import type { Fetch } from "./ports.js";
import { requestKey } from "./request-key.js";

/** Of all objects of a volume, the lists of recursive reads included. */
export const mostRequests = 200;

/** Every request an object is made of, its own first; of a recursive read its secrets, once they are known. */
export function requestsOf(object: ObjectSpec): VaultRequest[] {
  return object.recursive?.secrets ? [...object.recursive.secrets.values()] : namedRequestsOf(object);
}

/** The requests that the class itself names, whatever Vault has. */
export function namedRequestsOf({ request, template, keystore }: ObjectSpec): VaultRequest[] {
  return [request, ...(template?.sources.values() ?? []), ...(keystore ? [keystore.password.request] : [])];
}

/** What the operator's policy judges of objects: everything they ask. */
export function requestsOfObjects(objects: readonly ObjectSpec[]): { objectName: string; requests: VaultRequest[] }[] {
  return objects.map((object) => ({ objectName: object.objectName, requests: requestsOf(object) }));
}

/** Objects that share requests, and all of these: they are made of one moment's answers, never half of an older one's. */
export interface FetchGroup {
  objects: readonly ObjectSpec[];
  fetches: readonly Fetch[];
  /** Of every request as an object names it, which of the fetches it is. */
  fetchOf: ReadonlyMap<VaultRequest, Fetch>;
}

/** What is asked for a class's objects, and in which groups they are made of it. */
export interface FetchPlan {
  groups: readonly FetchGroup[];
  fetches: readonly Fetch[];
}

const known = new WeakMap<readonly ObjectSpec[], FetchPlan>();

/**
 * The plan of a class's objects; made once, where the class alone says it: it is the same at every Mount. Of what recursive reads
 * have `listed`, by request key, it takes the lists as they were asked for.
 */
export function fetchPlanOf(objects: readonly ObjectSpec[], listed: ReadonlyMap<string, Fetch> = new Map()): FetchPlan {
  const plan = known.get(objects) ?? planOf(objects, listed);
  known.set(objects, plan);
  return plan;
}

function planOf(objects: readonly ObjectSpec[], listed: ReadonlyMap<string, Fetch>): FetchPlan {
  const groups = joined(objects).map((group) => groupOf(group, listed));
  return { groups, fetches: groups.flatMap(({ fetches }) => fetches) };
}

interface Joined {
  keys: Set<string>;
  objects: ObjectSpec[];
}

function joined(objects: readonly ObjectSpec[]): ObjectSpec[][] {
  const all = new Set<Joined>();
  const groups = new Map<string, Joined>();
  for (const object of objects) {
    const keys = requestsOf(object).map(requestKey);
    const [first, ...others] = new Set(keys.flatMap((key) => groups.get(key) ?? []));
    const group: Joined = first ?? { keys: new Set(), objects: [] };
    for (const other of others) {
      group.objects.push(...other.objects);
      keys.push(...other.keys);
      all.delete(other);
    }
    group.objects.push(object);
    for (const key of keys) groups.set(key, group);
    for (const key of keys) group.keys.add(key);
    all.add(group);
  }
  return [...all].map((group) => group.objects);
}

function groupOf(objects: readonly ObjectSpec[], listed: ReadonlyMap<string, Fetch>): FetchGroup {
  const fetches = new Map<string, Fetch>();
  const fetchOf = new Map<VaultRequest, Fetch>();
  for (const object of objects) {
    for (const request of requestsOf(object)) {
      const key = requestKey(request);
      const others = fetches.get(key)?.options;
      const options = {
        refreshIntervalMs: Math.min(object.refreshIntervalMs, others?.refreshIntervalMs ?? Infinity),
        issuedIntervalMs: Math.min(object.issuedIntervalMs ?? Infinity, others?.issuedIntervalMs ?? Infinity),
        lifetimeMs: Math.min(object.lifetimeMs ?? Infinity, others?.lifetimeMs ?? Infinity),
        optional: mayBeMissing(object) && (others?.optional ?? true),
      };
      const fetch = listed.get(key) ?? fetches.get(key) ?? { request, options };
      if (!listed.has(key)) fetch.options = options;
      fetches.set(key, fetch);
      fetchOf.set(request, fetch);
    }
  }
  return { objects, fetches: [...fetches.values()], fetchOf };
}

/** A secret that was just listed may be gone; one of an older list is kept as that is. */
function mayBeMissing(object: ObjectSpec): boolean {
  return object.recursive?.secrets ? !object.recursive.staleReason : isOptional(object);
}

/** The pod can do without its secret. */
export function isOptional({ optional, fallback }: ObjectSpec): boolean {
  return optional === true || (fallback !== undefined && "text" in fallback);
}
