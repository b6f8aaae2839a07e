import type { Connection } from "../config/connection.js";
import type { RulePod } from "../config/rule.js";
import { objectRefusals, refusedByPolicy } from "../config/policy.js";
import { ProviderError } from "../shared/errors.js";
import { isJsonObject } from "../shared/json.js";
import { quoted } from "../shared/quoted.js";
import type { ClassSpec, ObjectSpec, RecursiveRead, VaultRequest } from "./mount-spec.js";
import { isOptional, mostRequests, requestsOf } from "./object-requests.js";
import type { FetchResult, MountTransaction, Principal } from "./ports.js";
import { listOf } from "./recursive-read.js";
import { requestKey } from "./request-key.js";
import { readSecretPath, writeSecretPath } from "./secret-path.js";
import { bodyIn, locationOf } from "./secret-value.js";

/** Of folders, the path itself included: `app/db` is on the second. */
const mostLevels = 3;
const mostFolders = 100;
const mostSecrets = 100;

/** Objects as they can be read now, and those whose secrets could not be listed. */
export interface ListedObjects {
  objects: readonly ObjectSpec[];
  failed: readonly { object: ObjectSpec; error: ProviderError }[];
}

/** The objects of a class, each recursive read with its secrets: of lists that are held, or new. Never throws. */
export async function listObjects(
  { objects, onDenied }: ClassSpec,
  principal: Principal,
  transaction: MountTransaction,
  signal: AbortSignal,
): Promise<ListedObjects> {
  if (!objects.some(({ recursive }) => recursive)) return { objects, failed: [] };
  const outcomes = await Promise.all(
    objects.map(async (object) => {
      if (!object.recursive) return { object };
      const options = { refreshIntervalMs: object.refreshIntervalMs, optional: isOptional(object) };
      const lists: VaultRequest[] = [];
      const list = async (request: VaultRequest) => {
        lists.push(request);
        const fetch = { request, options };
        const answer = (await transaction.read([fetch], onDenied, signal)).get(fetch)!;
        if ("error" in answer) throw answer.error;
        return answer;
      };
      try {
        return { object: await listSecrets(object, object.recursive, principal, list) };
      } catch (reason) {
        for (const request of lists) transaction.invalidate(request);
        return { object, error: ProviderError.from(reason) };
      }
    }),
  );
  const failed = outcomes.filter((outcome) => outcome.error !== undefined);
  const listed = outcomes.filter(({ error }) => error === undefined).map(({ object }) => object);
  const asked = new Set(listed.flatMap(requestsOf).map(requestKey));
  if (asked.size <= mostRequests) return { objects: listed, failed };
  const error = new ProviderError(
    "limit_exceeded",
    `the volume asks Vault for ${asked.size} things, more than ${mostRequests}; use several classes and volumes`,
  );
  return {
    objects: listed.filter(({ recursive }) => !recursive),
    failed: listed.filter(({ recursive }) => recursive).map((object) => ({ object, error })),
  };
}

/**
 * The object of a recursive read, with the secrets it reads: lists its path and the folders below, level by level. A folder
 * that is gone by then is empty. Throws what `list` does, `permission_denied` where the operator's policy does not allow one of
 * the requests, `limit_exceeded` for more than is read.
 */
export async function listSecrets(
  object: ObjectSpec,
  recursive: RecursiveRead,
  { connection, pod }: { connection: Connection; pod: RulePod },
  list: (request: VaultRequest) => Promise<FetchResult>,
): Promise<ObjectSpec> {
  const judge = (requests: VaultRequest[]) => {
    const refused = refusedByPolicy(objectRefusals(connection, { objectName: object.objectName, requests }, pod));
    if (refused) throw refused;
  };
  const secrets = new Map<string, VaultRequest>();
  let staleReason: ProviderError | undefined;
  let [folders, listed] = [[""], 1];
  for (let level = 1; folders.length > 0; level += 1) {
    const asked = folders.map((folder) => ({ folder, request: listOf(recursive, folder) }));
    judge(asked.map(({ request }) => request));
    const names = await allOf(
      asked.map(async ({ folder, request }) => {
        const mayBeGone = folder !== "" || isOptional(object);
        const result = await list(request).catch((reason: unknown) => orEmpty(reason, mayBeGone));
        staleReason ??= result?.staleReason;
        return result ? namesIn(result, request).map((name) => folder + name) : [];
      }),
    );
    const found = names.flat();
    folders = found.filter(isFolder);
    listed += folders.length;
    if (secrets.size + found.length - folders.length > mostSecrets)
      throw tooMuch(recursive, `more than ${mostSecrets} secrets`);
    if (listed > mostFolders) throw tooMuch(recursive, `more than ${mostFolders} folders`);
    if (level === mostLevels && folders.length > 0)
      throw tooMuch(recursive, `a folder below ${mostLevels} levels, ${quoted(folders[0]!)}`);
    for (const name of found.sort()) {
      checkName(recursive, name);
      if (!isFolder(name)) secrets.set(name, { method: "GET", path: `${recursive.path}/${name}`, query: "" });
    }
  }
  judge([...secrets.values()]);
  return { ...object, recursive: { ...recursive, secrets, ...(staleReason && { staleReason }) } };
}

const isFolder = (name: string) => name.endsWith("/");

function orEmpty(reason: unknown, mayBeGone: boolean): undefined {
  if (!mayBeGone || ProviderError.from(reason).code !== "not_found") throw reason;
}

/** Secrets, and folders with a slash at their end. */
function namesIn({ body }: FetchResult, request: VaultRequest): string[] {
  const { data } = bodyIn(body, request);
  const keys = isJsonObject(data) ? data["keys"] : undefined;
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string" && /^[^/]+\/?$/.test(key)))
    throw new ProviderError("invalid_request", `LIST of ${locationOf(request)} answers without names (keys)`);
  return keys as string[];
}

/** Throws `invalid_request` for a name that no `secretPath` can have. */
function checkName({ path }: RecursiveRead, name: string): void {
  const whole = `${path}/${name.replace(/\/$/, "")}`;
  const read = readSecretPath(writeSecretPath(whole));
  if (typeof read !== "string" && read.path === whole) return;
  const why = typeof read === "string" ? read : "is no path of a secret";
  throw new ProviderError("invalid_request", `${quoted(name)} below ${quoted(path)} cannot be read: its path ${why}`);
}

function tooMuch({ path }: RecursiveRead, what: string): ProviderError {
  return new ProviderError("limit_exceeded", `below ${quoted(path)} there is ${what}; name a path below it`);
}

/** Waits for all, whatever becomes of one. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  return settled.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
}
