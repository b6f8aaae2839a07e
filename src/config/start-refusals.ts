import { holdsInOrder } from "./star-pattern.js";

/** What the process was started with, as far as it can undo our promises. */
export interface ProcessStart {
  env: Readonly<Record<string, string | undefined>>;
  /** `process.execArgv`. */
  execArgv: readonly string[];
  /** What V8's heap holds at most (`oldSpaceBytes`), where this process is the one that serves. */
  heapBytes?: number;
}

/**
 * Reasons not to start at all: settings of Node's that would let others read what keymount holds. Node itself warns of
 * each (doc/api/cli.md).
 */
export function startRefusals({ env, execArgv }: ProcessStart): string[] {
  const refusals: string[] = [];
  if (env.NODE_TLS_REJECT_UNAUTHORIZED === "0") {
    refusals.push(
      "NODE_TLS_REJECT_UNAUTHORIZED=0 turns certificate checks off for everything; take it out (tls.skipVerify is per connection)",
    );
  }
  const debugged = telling.filter((section) => debugs(env.NODE_DEBUG ?? "", section));
  if (debugged.length > 0) {
    refusals.push(`NODE_DEBUG with ${debugged.join(", ")} prints tokens and secrets past the log; take it out`);
  }
  if (env.NODE_DEBUG_NATIVE) {
    refusals.push("NODE_DEBUG_NATIVE prints what goes over connections past the log; take it out");
  }
  refusals.push(...execArgv.flatMap((option) => refusalOf(option, "the command line of node")));
  refusals.push(...nodeOptions(env.NODE_OPTIONS ?? "").flatMap((option) => refusalOf(option, "NODE_OPTIONS")));
  return refusals;
}

/** Sections of NODE_DEBUG in which Node prints headers, bodies, or chunks of streams. */
const telling = ["http", "https", "http2", "tls", "net", "stream"];

/** Whether NODE_DEBUG turns a section on: a list of names, of any case, in which `*` is anything (lib/internal/util/debuglog.js). */
function debugs(list: string, section: string): boolean {
  return list.split(/[\s,]+/).some((word) => holdsInOrder(section, word.toLowerCase().split("*")));
}

/** Node takes `_` for `-` in option names, and quotes around options. */
export function nodeOptions(text: string): string[] {
  return text.split(/\s+/).map((option) => option.replaceAll(/["'\\]/g, ""));
}

function refusalOf(option: string, where: string): string[] {
  const name = /^--[\w-]+/.exec(option)?.[0].replaceAll("_", "-") ?? "";
  if (/^--inspect/.test(name)) return [`${name} in ${where} opens an inspector, which reads all memory; take it out`];
  if (/^--heapsnapshot-/.test(name)) return [`${name} in ${where} writes all memory to a file; take it out`];
  if (/^--(tls-keylog|trace-tls)$/.test(name)) {
    return [`${name} in ${where} gives away what is said to Vault; take it out`];
  }
  if (name === "--abort-on-uncaught-exception") {
    return [
      `${name} in ${where} leaves all memory in a core dump, and ends every call for the fault of one; take it out`,
    ];
  }
  if (loadsCode(option, name) && where === "NODE_OPTIONS") {
    return [`${name || "-r"} in ${where} loads code into keymount, which can read all it holds; take it out`];
  }
  return [];
}

/** On the command line of node it is the image's own; from the environment it comes from elsewhere. */
function loadsCode(option: string, name: string): boolean {
  return /^-r/.test(option) || /^--(require|import|loader|experimental-loader)$/.test(name);
}
