import { writeSecretPath } from "../mount/secret-path.js";
import { named } from "../shared/quoted.js";
import type { MountDoubt } from "./vault-error.js";

/**
 * What is known of the mount that a path is below.
 *
 * - `none`: Vault shows none to the token: there is none, or the token's policies allow nothing below it.
 * - `unknown`: Vault did not tell.
 */
export type MountFinding = { found: "mount"; path: string; kv?: 1 | 2 } | { found: "none" } | { found: "unknown" };

interface RefusedRead {
  /** GET or LIST. */
  method: string;
  /** Not escaped. */
  path: string;
  vaultNamespace: string;
}

/** First steps of what is read in KV version 2; its `config` is taken for a secret of that name. */
const kv2Steps = new Set(["data", "metadata", "subkeys"]);

/**
 * Continues a refusal with how the path has to be written, where its mount (or the lack of one) tells that it is written
 * wrong. Empty where nothing is wrong with it. Paths are as `secretPath` takes them.
 */
export function pathHint(read: RefusedRead, doubt: MountDoubt, mount: MountFinding): string {
  const step = read.method === "LIST" ? "metadata" : "data";
  if (mount.found === "none" && doubt !== "kv2") return ` (${doubt === "none" ? aboutNamespaces : unseen(read)})`;
  if (mount.found !== "mount") return guess(read, doubt, step);
  const steps = stepsBelow(mount.path, read.path);
  const rewritten = (...below: string[]) => writeSecretPath([mount.path, ...below].join("/"));
  const name = writeSecretPath(mount.path);
  const kv = doubt === "kv2" ? 2 : mount.kv;
  if (kv === 2) {
    const isWrong = step === "data" ? steps.length > 0 && !kv2Steps.has(steps[0]!) : steps[0] !== "metadata";
    if (!isWrong) return "";
    const rest = step === "metadata" && steps[0] === "data" ? steps.slice(1) : steps;
    if (doubt === "kv2") return `: ${rewritten(step, ...rest)}`;
    return ` (${name} is a KV version 2 engine, where ${wanted(step)}: ${rewritten(step, ...rest)})`;
  }
  const isForVersion2 = steps[0] === "data" && steps.length > 1;
  if (kv !== 1 || !(isForVersion2 || (step === "metadata" && steps[0] === "metadata"))) return "";
  return ` (${name} is a KV version 1 engine, whose paths have no ${steps[0]}/: ${rewritten(...steps.slice(1))})`;
}

function stepsBelow(mount: string, path: string): string[] {
  return path
    .slice(mount.length)
    .split("/")
    .filter((step) => step !== "");
}

function wanted(step: "data" | "metadata"): string {
  return step === "data" ? "data/ stands after the mount's name" : "LIST wants metadata/ after the mount's name";
}

const aboutNamespaces = "a Vault namespace at its beginning belongs in vaultNamespace, not in the path";

function unseen({ vaultNamespace }: RefusedRead): string {
  const where = vaultNamespace === "" ? "" : ` in the Vault namespace ${named(vaultNamespace)}`;
  return `the role's policies reach no mount at this path${where}; ${aboutNamespaces}`;
}

/** Steps that follow the mount's name in engines that are not KV version 2, or in KV version 2 as it has to be written. */
const notKv2 =
  /^(data|metadata|creds|static-creds|roles?|issue|sign|cert|certs|ca|decrypt|encrypt|keys?|code|token|sts|delete|undelete|destroy|subkeys)$/;

/** The commonest mistake of all: a KV version 2 path as the CLI writes it. Only where the path can be one. */
function guess({ path }: RefusedRead, doubt: MountDoubt, step: "data" | "metadata"): string {
  const [first = "", ...rest] = path.split("/");
  const at = step === "metadata" ? rest.indexOf("data") : -1;
  const isSure = at >= 0 || rest.length < 2;
  const rewritten = writeSecretPath([first, ...(at < 0 ? [step, ...rest] : rest.with(at, step))].join("/"));
  const example = `${rewritten}${isSure ? "" : `, if the mount is ${writeSecretPath(first)}`}`;
  if (doubt === "kv2") return `: ${example}`;
  if (at < 0 && (rest.length === 0 || rest.some((one) => notKv2.test(one)))) return "";
  const todo = at < 0 ? `insert ${step}/ after the mount's name` : "LIST wants metadata/ in place of data/";
  return ` (if it is in a KV version 2 engine, ${todo}: ${example})`;
}
