import type { ObjectSpec, VaultRequest } from "./mount-spec.js";
import type { Wish } from "./ports.js";
import { requestKey } from "./request-key.js";

/** Every request an object is made of, its own first. */
export function requestsOf({ request, template, keystore }: ObjectSpec): VaultRequest[] {
  return [request, ...(template?.sources.values() ?? []), ...(keystore ? [keystore.password.request] : [])];
}

/** What the operator's policy judges of objects: everything they ask. */
export function askedBy(objects: readonly ObjectSpec[]): { objectName: string; requests: VaultRequest[] }[] {
  return objects.map((object) => ({ objectName: object.objectName, requests: requestsOf(object) }));
}

/** Objects that share requests, and all of these: they are made of one moment's answers, never half of an older one's. */
export interface Group {
  objects: readonly ObjectSpec[];
  wants: readonly Want[];
  /** Of every request as an object names it, which of the wants it is. */
  wantOf: ReadonlyMap<VaultRequest, Want>;
}

/** One request, and how those who name it wish for its answer. */
export interface Want {
  request: VaultRequest;
  wish: Omit<Wish, "onDenied">;
}

const known = new WeakMap<readonly ObjectSpec[], readonly Group[]>();

/** The groups of a class's objects; found once, for the class is the same at every Mount. */
export function groupsOf(objects: readonly ObjectSpec[]): readonly Group[] {
  const groups = known.get(objects) ?? joined(objects).map(groupOf);
  known.set(objects, groups);
  return groups;
}

function joined(objects: readonly ObjectSpec[]): ObjectSpec[][] {
  const groups = new Map<string, { keys: string[]; objects: ObjectSpec[] }>();
  for (const object of objects) {
    const group = { keys: requestsOf(object).map(requestKey), objects: [object] };
    for (const other of new Set(group.keys.flatMap((key) => groups.get(key) ?? []))) {
      group.objects.unshift(...other.objects);
      group.keys.push(...other.keys);
    }
    for (const key of group.keys) groups.set(key, group);
  }
  return [...new Set(groups.values())].map((group) => group.objects);
}

function groupOf(objects: readonly ObjectSpec[]): Group {
  const wants = new Map<string, Want>();
  const wantOf = new Map<VaultRequest, Want>();
  for (const object of objects) {
    for (const request of requestsOf(object)) {
      const key = requestKey(request);
      const others = wants.get(key)?.wish;
      const wish = {
        refreshIntervalMs: Math.min(object.refreshIntervalMs, others?.refreshIntervalMs ?? Infinity),
        dispensable: isDispensable(object) && (others?.dispensable ?? true),
      };
      const want = Object.assign(wants.get(key) ?? { request, wish }, { wish });
      wants.set(key, want);
      wantOf.set(request, want);
    }
  }
  return { objects, wants: [...wants.values()], wantOf };
}

/** The pod can do without its secret. */
export function isDispensable({ optional, fallback }: ObjectSpec): boolean {
  return optional === true || (fallback !== undefined && "text" in fallback);
}
