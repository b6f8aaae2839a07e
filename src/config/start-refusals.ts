/** What the process was started with, as far as it can undo our promises. */
export interface ProcessStart {
  env: Readonly<Record<string, string | undefined>>;
  /** `process.execArgv`. */
  execArgv: readonly string[];
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
  const debugged = /(^|[\s,])(https?2?|tls|\*)($|[\s,])/i.test(env.NODE_DEBUG ?? "");
  if (debugged) refusals.push("NODE_DEBUG with http or tls prints tokens to the log; take it out");
  refusals.push(...execArgv.flatMap((option) => refusalOf(option, "the command line of node")));
  refusals.push(...nodeOptions(env.NODE_OPTIONS ?? "").flatMap((option) => refusalOf(option, "NODE_OPTIONS")));
  return refusals;
}

/** Node takes `_` for `-` in option names, and quotes around options. */
function nodeOptions(text: string): string[] {
  return text.split(/\s+/).map((option) => option.replaceAll(/["'\\]/g, ""));
}

function refusalOf(option: string, where: string): string[] {
  const name = /^--[\w-]+/.exec(option)?.[0].replaceAll("_", "-") ?? "";
  if (/^--inspect/.test(name)) return [`${name} in ${where} opens an inspector, which reads all memory; take it out`];
  if (/^--heapsnapshot-/.test(name)) return [`${name} in ${where} writes all memory to a file; take it out`];
  if (/^--(tls-keylog|trace-tls)$/.test(name)) {
    return [`${name} in ${where} gives away what is said to Vault; take it out`];
  }
  return [];
}
