import type { Connection } from "../config/connection.js";
import type { RulePod } from "../config/rule.js";
import { objectRefusals, refusedByPolicy } from "../config/policy.js";
import { ProviderError } from "../shared/errors.js";
import { isJsonObject } from "../shared/json.js";
import { quoted } from "../shared/quoted.js";
import type { ObjectSpec, RecursiveRead, VaultRequest } from "./mount-spec.js";
import { isOptional } from "./object-requests.js";
import type { FetchResult } from "./ports.js";
import { listOf } from "./recursive-read.js";
import { readSecretPath, writeSecretPath } from "./secret-path.js";
import { bodyIn, locationOf } from "./secret-value.js";

/** Of folders, the path itself included: `app/db` is on the second. */
const mostLevels = 3;
const mostFolders = 100;
const mostSecrets = 100;

/** Whom the operator's policy judges, and where. */
interface Account {
  connection: Connection;
  pod: RulePod;
}

/** What came of a list. */
type ListAnswer = FetchResult | { error: unknown };

/** A recursive read whose secrets are known. */
export type ListedRead = RecursiveRead & Required<Pick<RecursiveRead, "secrets">>;

/** The object of a recursive read, with the secrets it reads. Throws what `list` does, and as `listsOf` and `judge`. */
export async function listSecrets(
  object: ObjectSpec,
  recursive: RecursiveRead,
  account: Account,
  list: (request: VaultRequest) => Promise<FetchResult>,
): Promise<ObjectSpec> {
  const steps = listsOf(recursive, isOptional(object));
  for (let answers: ListAnswer[] = []; ; ) {
    const { done, value } = steps.next(answers);
    judge(object, done ? [...value.secrets.values()] : value, account);
    if (done) return { ...object, recursive: value };
    answers = await Promise.all(value.map((request) => list(request).catch((error: unknown) => ({ error }))));
  }
}

/**
 * Gives the lists of a path and of the folders below, level by level, takes what came of them, and ends with the secrets. A
 * folder that is gone by then is empty, and so is the path where it `mayBeGone`. Throws the first error among the answers,
 * `limit_exceeded` for more than is read.
 */
export function* listsOf(
  recursive: RecursiveRead,
  mayBeGone: boolean,
): Generator<readonly VaultRequest[], ListedRead, readonly ListAnswer[]> {
  const secrets = new Map<string, VaultRequest>();
  let staleReason: ProviderError | undefined;
  let [folders, listed] = [[""], 1];
  for (let level = 1; folders.length > 0; level += 1) {
    const lists = folders.map((folder) => listOf(recursive, folder));
    const answers = yield lists;
    const found = folders.flatMap((folder, at) => {
      const result = resultOf(answers[at]!, folder !== "" || mayBeGone);
      staleReason ??= result?.staleReason;
      return result ? namesIn(result, lists[at]!).map((name) => folder + name) : [];
    });
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
  return { ...recursive, secrets, ...(staleReason && { staleReason }) };
}

/** Throws `permission_denied` where the operator's policy does not let the object ask this. */
export function judge({ objectName }: ObjectSpec, requests: readonly VaultRequest[], account: Account): void {
  const refused = refusedByPolicy(objectRefusals(account.connection, { objectName, requests }, account.pod));
  if (refused) throw refused;
}

const isFolder = (name: string) => name.endsWith("/");

/** None for a folder that is gone, where it may be. */
function resultOf(answer: ListAnswer, mayBeGone: boolean): FetchResult | undefined {
  if (!("error" in answer)) return answer;
  if (!mayBeGone || ProviderError.from(answer.error).code !== "not_found") throw answer.error;
  return undefined;
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
