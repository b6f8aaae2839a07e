import type { MountingPod } from "../driver/mount-request.js";
import { isDnsSubdomain } from "../shared/kubernetes-names.js";
import { quoted } from "../shared/quoted.js";
import type { commandTable } from "./command-table.js";
import { durationOf, type Given, WrongUsage } from "./define-command.js";

/** What `keymount mount` was asked for. */
export interface MountArguments {
  file: string;
  className?: string;
  pod: Partial<MountingPod>;
  tokenFile?: string;
  audience?: string;
  socket?: string;
  out: string;
  watch: boolean;
  intervalMs: number;
  timeoutMs: number;
}

/** Throws `WrongUsage`. */
export function mountArguments(values: Given<typeof commandTable.mount>["values"]): MountArguments {
  if (!values.file) throw new WrongUsage("name the class with -f FILE");
  if (!values.out) throw new WrongUsage("name the directory of the files with --out DIR");
  const { class: className, "token-file": tokenFile, audience, socket, pod: name, namespace, uid } = values;
  const names = { namespace, pod: name, "service-account": values["service-account"] };
  for (const [option, text] of Object.entries(names)) {
    if (text !== undefined && !isDnsSubdomain(text))
      throw new WrongUsage(`--${option} ${quoted(text)} is not a name that Kubernetes gives`);
  }
  return {
    file: values.file,
    out: values.out,
    watch: values.watch,
    intervalMs: durationOf("--interval", values.interval),
    timeoutMs: durationOf("--timeout", values.timeout),
    pod: defined({ name, namespace, uid, serviceAccount: values["service-account"] }),
    ...defined({ className, tokenFile, audience, socket }),
  };
}

/** Only what was given: all else has its default elsewhere. */
function defined<K extends string>(texts: Record<K, string | undefined>): { [k in K]?: string } {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined)) as { [k in K]?: string };
}
