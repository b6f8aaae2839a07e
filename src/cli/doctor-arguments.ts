import { parseArgs } from "node:util";
import { parseDuration } from "../shared/duration.js";
import { argumentMistake } from "./wrong-usage.js";

/** What `keymount doctor` was asked for, beside what `serve` takes. */
export interface DoctorArguments {
  /** Holds the class; `-` is the standard input. */
  file?: string;
  className?: string;
  namespace?: string;
  serviceAccount?: string;
  pod?: string;
  uid?: string;
  tokenFile?: string;
  readAll: boolean;
  json: boolean;
  /** For one step. */
  timeoutMs: number;
  /** `serve`'s own flags, as written. */
  provider: readonly string[];
}

const options = {
  file: { type: "string", short: "f" },
  class: { type: "string" },
  namespace: { type: "string", short: "n" },
  "service-account": { type: "string" },
  pod: { type: "string" },
  uid: { type: "string" },
  "token-file": { type: "string" },
  "read-all": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  timeout: { type: "string", default: "10s" },
} as const;

/** Gives the mistake as text for wrong usage. */
export function doctorArguments(argv: readonly string[]): DoctorArguments | { mistake: string } {
  const { own, provider } = sorted(argv);
  try {
    const { values } = parseArgs({ args: own, options });
    const { file, class: className, namespace, pod, uid, json } = values;
    const timeoutMs = parseDuration(values.timeout);
    if (timeoutMs === undefined || timeoutMs < 100)
      return { mistake: "--timeout must be a duration of at least 100ms" };
    if ((pod === undefined) !== (uid === undefined)) return { mistake: "--pod and --uid name a pod together" };
    if (file === "-" && values["token-file"] === "-") {
      return {
        mistake: "the standard input is one file: put a TokenRequest beside the class, and leave out --token-file",
      };
    }
    return {
      ...defined({ file, className, namespace, pod, uid }),
      ...defined({ serviceAccount: values["service-account"], tokenFile: values["token-file"] }),
      readAll: values["read-all"],
      json,
      timeoutMs,
      provider,
    };
  } catch (error) {
    return { mistake: argumentMistake(error) };
  }
}

/** Ours from `serve`'s, which has its own way of reading them (`-flag`, `-flag=value`). */
function sorted(argv: readonly string[]): { own: string[]; provider: string[] } {
  const own: string[] = [];
  const provider: string[] = [];
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [, name = "", inline] = /^(?:--|-)([a-z-]+)(=.*)?$/s.exec(word) ?? [];
    const option = optionOf(name, word.startsWith("--"));
    if (!option) provider.push(word);
    else {
      own.push(word);
      const value = option.type === "string" && inline === undefined ? words.shift() : undefined;
      if (value !== undefined) own.push(value);
    }
  }
  return { own, provider };
}

function optionOf(name: string, long: boolean): { type: "string" | "boolean" } | undefined {
  const found = Object.entries(options).find(([each, option]) =>
    long ? each === name : "short" in option && option.short === name,
  );
  return found?.[1];
}

function defined<T extends Record<string, string | undefined>>(texts: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined)) as {
    [K in keyof T]?: string;
  };
}
