import { parseArgs } from "node:util";
import type { MountingPod } from "../driver/mount-request.js";
import { parseDuration } from "../shared/duration.js";
import { argumentMistake } from "./wrong-usage.js";

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

const options = {
  file: { type: "string", short: "f" },
  class: { type: "string" },
  pod: { type: "string" },
  namespace: { type: "string", short: "n" },
  "service-account": { type: "string" },
  uid: { type: "string" },
  "token-file": { type: "string" },
  audience: { type: "string" },
  socket: { type: "string" },
  out: { type: "string", short: "o" },
  watch: { type: "boolean", short: "w", default: false },
  interval: { type: "string", default: "5s" },
  timeout: { type: "string", default: "2m" },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** Gives the mistake as text for wrong usage, and `"help"` where that was asked for. */
export function mountArguments(argv: readonly string[]): MountArguments | { mistake: string } | "help" {
  try {
    const { values } = parseArgs({ args: [...argv], options });
    if (values.help) return "help";
    if (!values.file) return { mistake: "name the class with -f FILE" };
    if (!values.out) return { mistake: "say where the files go with --out DIR" };
    const { class: className, "token-file": tokenFile, audience, socket } = values;
    return {
      file: values.file,
      out: values.out,
      watch: values.watch,
      intervalMs: durationOf("--interval", values.interval),
      timeoutMs: durationOf("--timeout", values.timeout),
      pod: podOf(values),
      ...(className !== undefined && { className }),
      ...(tokenFile !== undefined && { tokenFile }),
      ...(audience !== undefined && { audience }),
      ...(socket !== undefined && { socket }),
    };
  } catch (error) {
    return { mistake: argumentMistake(error) };
  }
}

type PodValues = Partial<Record<"pod" | "namespace" | "service-account" | "uid", string>>;

function podOf({ pod, namespace, uid, "service-account": serviceAccount }: PodValues): Partial<MountingPod> {
  return {
    ...(pod !== undefined && { name: pod }),
    ...(namespace !== undefined && { namespace }),
    ...(serviceAccount !== undefined && { serviceAccount }),
    ...(uid !== undefined && { uid }),
  };
}

function durationOf(option: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < 100) throw new Error(`${option} must be a duration of at least 100ms, like 5s or 1m30s`);
  return ms;
}
