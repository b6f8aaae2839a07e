import { ProviderError } from "../shared/errors.js";
import { quoted } from "../shared/quoted.js";
import { oneError } from "./all-or-nothing.js";
import { type ListedRead, judge, listsOf } from "./list-secrets.js";
import type { ClassSpec, ObjectSpec, VaultRequest } from "./mount-spec.js";
import { fetchPlanOf, isOptional, mostRequests } from "./object-requests.js";
import type { Answered, Fetch, MountTransaction, Principal } from "./ports.js";
import { listOf } from "./recursive-read.js";
import { requestKey } from "./request-key.js";
import type { Yielder } from "./yielder.js";

/** Objects as they can be read now, and those whose secrets could not be listed. */
export interface ListedObjects {
  objects: readonly ObjectSpec[];
  failed: readonly Failure[];
  /** The lists that were asked for, by request key: an object that is one of them has the same answer. */
  lists: ReadonlyMap<string, Fetch>;
}

interface Failure {
  object: ObjectSpec;
  error: ProviderError;
}

/** Objects that read everything below one path, so that it is listed once for all of them. */
interface Walk {
  path: string;
  objects: ObjectSpec[];
  steps: ReturnType<typeof listsOf>;
  /** Every list so far. */
  asked: Fetch[];
  /** Those that its next step is made of. */
  awaited: readonly Fetch[];
}

/** What the walks of a Mount share. */
interface Listing {
  principal: Principal;
  /** Every recursive read, and its outermost list. */
  readers: readonly { object: ObjectSpec; list: string }[];
  /** What the class itself names, by request key. */
  named: ReadonlyMap<string, Fetch>;
  lists: Map<string, Fetch>;
  /** The keys of all that the volume asks Vault for, as far as it is known. */
  requests: Set<string>;
}

/**
 * The objects of a class, each recursive read with its secrets: of lists that are held, or new. The folders of one level are
 * read together, those of all objects, for each read of a transaction is about all that was read before. Throws
 * `limit_exceeded` where the volume asks for more than it may, lists included, before more is asked for.
 */
export async function listObjects(
  { objects, onDenied }: ClassSpec,
  principal: Principal,
  transaction: MountTransaction,
  yielder: Pick<Yielder, "turn">,
  signal: AbortSignal,
): Promise<ListedObjects> {
  let walks = walksOf(objects);
  if (walks.length === 0) return { objects, failed: [], lists: new Map() };
  const named = new Map(fetchPlanOf(objects).fetches.map((fetch) => [requestKey(fetch.request), fetch]));
  const readers = objects.flatMap((object) =>
    object.recursive ? [{ object, list: listOf(object.recursive).path }] : [],
  );
  const listing: Listing = { principal, readers, named, lists: new Map(), requests: new Set(named.keys()) };
  const listed = new Map<ObjectSpec, ListedRead>();
  const failed: Failure[] = [];
  let answers: ReadonlyMap<Fetch, Answered> = new Map();
  while (walks.length > 0) {
    const going: Walk[] = [];
    for (const walk of walks) {
      await yielder.turn();
      try {
        const recursive = advance(walk, answers, listing);
        if (recursive) for (const object of walk.objects) listed.set(object, recursive);
        else going.push(walk);
      } catch (reason) {
        failed.push(...failuresOf(walk, ProviderError.from(reason)));
        for (const { request } of walk.asked) transaction.invalidate(request);
      }
      if (listing.requests.size <= mostRequests) continue;
      // The next Mount lists again what may be smaller by then.
      for (const { request } of listing.lists.values()) transaction.invalidate(request);
      throw oneError([...failed, ...failuresOf(walk, tooManyRequests(walk))]);
    }
    walks = going;
    const awaited = new Set(walks.flatMap((walk) => walk.awaited));
    if (awaited.size > 0) answers = await transaction.read([...awaited], onDenied, signal);
  }
  await yielder.turn();
  const readable = objects.flatMap((object) => {
    const recursive = listed.get(object);
    if (recursive) return { ...object, recursive };
    return object.recursive ? [] : object;
  });
  return { objects: readable, failed, lists: listing.lists };
}

/** One that is missing altogether is an error to some objects, and nothing to those that can do without. */
function walksOf(objects: readonly ObjectSpec[]): Walk[] {
  const walks = new Map<string, Walk>();
  for (const object of objects) {
    const { recursive } = object;
    if (!recursive) continue;
    const optional = isOptional(object);
    const key = `${optional} ${recursive.path}`;
    const walk = walks.get(key) ?? {
      path: recursive.path,
      objects: [],
      steps: listsOf(recursive, optional),
      asked: [],
      awaited: [],
    };
    walk.objects.push(object);
    walks.set(key, walk);
  }
  return [...walks.values()];
}

/** Goes on to the next lists; gives the secrets where there are none. Throws what stands against them. */
function advance(
  walk: Walk,
  answers: ReadonlyMap<Fetch, Answered>,
  { principal, readers, named, lists, requests }: Listing,
): ListedRead | undefined {
  const { done, value } = walk.steps.next(walk.awaited.map((fetch) => answers.get(fetch)!));
  const asked = done ? [...value.secrets.values()] : value;
  judge(walk.objects[0]!, asked, principal);
  for (const request of asked) requests.add(requestKey(request));
  if (done) return value;
  walk.awaited = asked.map((request) => {
    const key = requestKey(request);
    const fetch = lists.get(key) ?? named.get(key) ?? fetchFor(readers, request);
    lists.set(key, fetch);
    return fetch;
  });
  walk.asked.push(...walk.awaited);
  return undefined;
}

/** As each object needs it that reads this folder, whichever comes first. */
function fetchFor(readers: Listing["readers"], request: VaultRequest): Fetch {
  const objects = readers.filter(({ list }) => `${request.path}/`.startsWith(`${list}/`)).map(({ object }) => object);
  const refreshIntervalMs = Math.min(...objects.map((object) => object.refreshIntervalMs));
  return { request, options: { refreshIntervalMs, optional: objects.every(isOptional) } };
}

function failuresOf({ objects }: Walk, error: ProviderError): Failure[] {
  return objects.map((object) => ({ object, error }));
}

function tooManyRequests({ path }: Walk): ProviderError {
  return new ProviderError(
    "limit_exceeded",
    `with what is below ${quoted(path)}, the volume asks Vault for more than ${mostRequests} things, lists included; name a path below it, or use several classes and volumes`,
  );
}
