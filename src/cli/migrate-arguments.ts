import { parseArgs } from "node:util";
import { argumentMistake } from "./wrong-usage.js";

/** What `keymount migrate` was asked for. */
export interface MigrateArguments {
  /** Hold the classes; `-` is the standard input. */
  files: readonly string[];
  /** Holds the source provider's DaemonSet. */
  daemonSet?: string;
  /** `spec.provider` of the classes. */
  provider?: string;
  /** Of classes that name none. */
  namespace: string;
  /** Where the configuration file goes; without, to the standard output. */
  output?: string;
  /** Whether the file is written as values of the chart. */
  values: boolean;
  json: boolean;
  /** The source provider's own, as written. */
  formerFlags: readonly string[];
}

const options = {
  file: { type: "string", short: "f", multiple: true, default: [] as string[] },
  daemonset: { type: "string" },
  provider: { type: "string" },
  namespace: { type: "string", short: "n", default: "default" },
  output: { type: "string", short: "o" },
  values: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

/** Gives the mistake as text for wrong usage. */
export function migrateArguments(argv: readonly string[]): MigrateArguments | { mistake: string } {
  const { own, former } = sorted(argv);
  try {
    const { values } = parseArgs({ args: own, options });
    const { file: files, daemonset: daemonSet, provider, namespace, output, json } = values;
    const inputs = [...files, ...(daemonSet === undefined ? [] : [daemonSet])];
    if (files.length === 0)
      return { mistake: "name the file that holds the classes: -f FILE, or -f - for kubectl's output" };
    if (inputs.filter((input) => input === "-").length > 1) return { mistake: "the standard input is one file" };
    if (provider !== undefined && !["vault", "openbao"].includes(provider)) {
      return { mistake: "--provider is vault or openbao" };
    }
    return {
      files,
      namespace,
      values: values.values,
      json,
      formerFlags: former,
      ...(daemonSet !== undefined && { daemonSet }),
      ...(provider !== undefined && { provider }),
      ...(output !== undefined && { output }),
    };
  } catch (error) {
    return { mistake: argumentMistake(error) };
  }
}

/** Ours from the source provider's, which are read as `serve` reads them. */
function sorted(argv: readonly string[]): { own: string[]; former: string[] } {
  const own: string[] = [];
  const former: string[] = [];
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [, dashes, name = "", inline] = /^(--?)([a-z-]+)(=.*)?$/s.exec(word) ?? [];
    const option = optionOf(name, dashes === "--");
    if (word === "--") former.push(...words.splice(0));
    else if (!option) former.push(word);
    else {
      own.push(word);
      const value = option.type === "string" && inline === undefined ? words.shift() : undefined;
      if (value !== undefined) own.push(value);
    }
  }
  return { own, former };
}

function optionOf(name: string, long: boolean): { type: "string" | "boolean" } | undefined {
  const found = Object.entries(options).find(([each, option]) =>
    long ? each === name : "short" in option && option.short === name,
  );
  return found?.[1];
}
