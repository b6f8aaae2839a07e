import type { ObjectSpec, VaultRequest } from "./mount-spec.js";
import { requestKey } from "./request-key.js";

/** Every request an object is made of, its own first, each once. */
export function requestsOf({ request, template, keystore }: ObjectSpec): VaultRequest[] {
  const all = [request, ...(template?.sources.values() ?? []), ...(keystore ? [keystore.password.request] : [])];
  return [...new Map(all.map((one) => [requestKey(one), one])).values()];
}

/** What the operator's policy judges of objects: everything they ask. */
export function askedBy(objects: readonly ObjectSpec[]): { objectName: string; requests: VaultRequest[] }[] {
  return objects.map((object) => ({ objectName: object.objectName, requests: requestsOf(object) }));
}

/** Objects that share requests, and all of these: they are made of one moment's answers, never half of an older one's. */
export interface Group {
  objects: ObjectSpec[];
  requests: Map<string, VaultRequest>;
}

export function byRequests(objects: readonly ObjectSpec[]): Group[] {
  const groups = new Map<string, Group>();
  for (const object of objects) {
    const requests = new Map(requestsOf(object).map((request) => [requestKey(request), request]));
    const joined = { objects: [object], requests };
    for (const group of new Set([...requests.keys()].flatMap((key) => groups.get(key) ?? []))) {
      joined.objects.unshift(...group.objects);
      for (const [key, request] of group.requests) joined.requests.set(key, request);
    }
    for (const key of joined.requests.keys()) groups.set(key, joined);
  }
  return [...new Set(groups.values())];
}
