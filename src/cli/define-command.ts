import { parseArgs } from "node:util";
import { parseDuration } from "../shared/duration.js";
import { ProviderError } from "../shared/errors.js";
import { named, quoted } from "../shared/quoted.js";
import { nearest } from "../shared/spelling.js";
import type { Command, CommandIo } from "./command-io.js";

/** An option of a command; without a `value` or `choices` it is a flag. */
export interface OptionDefinition {
  short?: string;
  /** Stands for the value. Completion offers files for FILE and directories for DIR. */
  value?: string;
  choices?: readonly string[];
  default?: string;
  /** May be repeated. */
  multiple?: true;
  /** Options without any of which it has no effect. */
  needs?: readonly string[];
  /** Options beside each of which one of the two has no effect, or contradicts the other; written on one side. */
  excludes?: readonly string[];
  /** One phrase or more, without a full stop. */
  text: string;
}

/** All that help, parsing, completion and docs/commands.md need to know of a command. */
export interface Definition {
  /** One line, for the list of commands. */
  summary: string;
  /** What follows the name. */
  usage: string;
  /** Paragraphs that are wrapped already. */
  about: string;
  options: Readonly<Record<string, OptionDefinition>>;
  /** Stands for the arguments that are no options; without it there are none. */
  operands?: string;
  /** Words after -- are a command to run, and nothing of ours. */
  runs?: true;
  /** Options that another reader takes. */
  passed?: Readonly<Record<string, OptionDefinition>>;
  /** The other reader takes unknown options, too, to name them together with all else that is wrong. */
  namesMistakes?: true;
  /** Help on `passed`. */
  more?: string;
  /** Shape of what `-o json` prints. */
  json?: string;
  /** By exit code. */
  exits: Readonly<Record<number, string>>;
}

type ValueOf<O extends OptionDefinition> = O extends { multiple: true }
  ? readonly string[]
  : O extends { choices: readonly (infer C)[]; default: string }
    ? C
    : O extends { choices: readonly (infer C)[] }
      ? C | undefined
      : O extends { value: string; default: string }
        ? string
        : O extends { value: string }
          ? string | undefined
          : boolean;

/** What the words of a command line come to. */
export interface Given<D extends Definition> {
  values: { readonly [K in keyof D["options"]]: ValueOf<D["options"][K]> };
  operands: readonly string[];
  /** Words for the other reader, or of the command, in order. */
  passed: readonly string[];
}

/** A mistake in the arguments: one line, to which the place of help is added. */
export class WrongUsage extends Error {}

/** A command whose help, arguments and failures are dealt with; `act` gives the exit code. */
export function defineCommand<const D extends Definition>(
  name: string,
  definition: D,
  act: (given: Given<D>, io: CommandIo, signal: AbortSignal) => Promise<number>,
): Command {
  return {
    run: async (argv, io, signal) => {
      if (beforeCommand(argv, definition).some((word) => helpOptions.includes(word))) {
        io.stdout.write(helpOf(name, definition));
        return 0;
      }
      try {
        return await act(readArguments(argv, definition), io, signal);
      } catch (error) {
        if (error instanceof WrongUsage) return refuseUsage(io, name, error.message);
        const { message, code } = ProviderError.from(error);
        io.stderr.write(`keymount ${name}: ${message}\n`);
        return code === "invalid_request" ? 2 : 1;
      }
    },
  };
}

export const helpOptions: readonly string[] = ["--help", "-h", "-help"];

/** Says in one line what is wrong with the arguments, and where help is. Gives the exit code. */
export function refuseUsage({ stderr }: CommandIo, command: string, mistake: string): 2 {
  stderr.write(`keymount ${command}: ${mistake}; see keymount ${command} --help\n`);
  return 2;
}

/** Throws `WrongUsage`. */
export function readArguments<const D extends Definition>(argv: readonly string[], definition: D): Given<D> {
  const { options } = definition;
  const ours = beforeCommand(argv, definition);
  const { own, passed } = definition.passed
    ? apart(argv, definition)
    : { own: [...ours], passed: argv.slice(ours.length + 1) };
  const types = Object.entries(options).map(([name, { short, multiple, ...option }]) => {
    const type = takesValue(option) ? ("string" as const) : ("boolean" as const);
    return [name, { type, ...(short && { short }), ...(multiple && { multiple }) }] as const;
  });
  const config = { args: own, options: Object.fromEntries(types), allowPositionals: true, strict: false } as const;
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, initial(option)]),
  );
  const operands: string[] = [];
  const given = new Set<string>();
  for (const token of parseArgs({ ...config, tokens: true }).tokens) {
    if (token.kind === "positional") operands.push(token.value);
    else if (token.kind === "option") {
      const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
      if (!option) throw new WrongUsage(`unknown option ${named(token.rawName)}${meant(token.name, definition)}`);
      const value = valueOf(token, option);
      given.add(token.name);
      values[token.name] = option.multiple ? [...(values[token.name] as string[]), value] : value;
    }
  }
  for (const name of given) checkCompany(name, options[name]!, given);
  if (operands.length > 0 && !definition.operands) throw new WrongUsage(`unexpected argument ${named(operands[0]!)}`);
  return { values: values as Given<D>["values"], operands, passed };
}

/** Throws `WrongUsage` for an option that has no effect in this company. */
function checkCompany(name: string, { needs, excludes = [] }: OptionDefinition, given: ReadonlySet<string>): void {
  const other = excludes.find((one) => given.has(one));
  if (other !== undefined) throw new WrongUsage(`--${name} and --${other} exclude each other`);
  if (!needs || needs.some((one) => given.has(one))) return;
  const [last, ...others] = needs.map((one) => `--${one}`).reverse();
  throw new WrongUsage(`--${name} needs ${others.length > 0 ? `${others.reverse().join(", ")} or ` : ""}${last}`);
}

function beforeCommand(argv: readonly string[], { runs }: Definition): readonly string[] {
  const end = runs ? argv.indexOf("--") : -1;
  return end < 0 ? argv : argv.slice(0, end);
}

export function takesValue({ value, choices }: Pick<OptionDefinition, "value" | "choices">): boolean {
  return value !== undefined || choices !== undefined;
}

function initial(option: OptionDefinition): unknown {
  return takesValue(option) ? (option.multiple ? [] : option.default) : false;
}

interface OptionToken {
  name: string;
  value?: string | undefined;
  inlineValue?: boolean | undefined;
}

function valueOf(token: OptionToken, option: OptionDefinition): string | true {
  const { value, inlineValue } = token;
  const name = `--${token.name}`;
  if (!takesValue(option)) {
    if (value !== undefined) throw new WrongUsage(`${name} takes no value`);
    return true;
  }
  if (value === undefined || (!inlineValue && /^-./.test(value))) throw new WrongUsage(`${name} needs a value`);
  if (option.choices && !option.choices.includes(value)) {
    throw new WrongUsage(`${name} is ${option.choices.join(" or ")}, not ${quoted(value)}`);
  }
  return value;
}

function meant(name: string, { options, passed }: Definition): string {
  const near = nearest(name, [...Object.keys(options), "help", ...Object.keys(passed ?? {})]);
  return near ? `; did you mean --${near}?` : "";
}

/** Value of an option in milliseconds, at least 100. Throws `WrongUsage`. */
export function durationOf(option: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 100) return ms;
  throw new WrongUsage(`${option} must be a duration of at least 100ms, like 5s or 1m30s`);
}

/** Our words from those of the other reader, which takes `-flag value` and `-flag=value`, too. */
function apart(argv: readonly string[], definition: Definition): { own: string[]; passed: string[] } {
  const own: string[] = [];
  const passed: string[] = [];
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "--") {
      passed.push(...words.splice(0));
      break;
    }
    const option = ownOption(word, definition.options);
    const to = option ? own : passed;
    to.push(word);
    if (option ? option.needsValue : othersNeedValue(word, definition)) to.push(...words.splice(0, 1));
  }
  return { own, passed };
}

/** Throws `WrongUsage` for what the other reader does not know either. */
function othersNeedValue(word: string, definition: Definition): boolean {
  const [, name = "", inline] = /^--?([^=]+)(=.*)?$/s.exec(word) ?? [];
  if (definition.namesMistakes) return false;
  if (name === "") throw new WrongUsage(`unexpected argument ${named(word)}`);
  const option = Object.hasOwn(definition.passed!, name) ? definition.passed![name] : undefined;
  if (!option)
    throw new WrongUsage(
      `unknown option ${named(word.slice(0, word.length - (inline?.length ?? 0)))}${meant(name, definition)}`,
    );
  return takesValue(option) && inline === undefined;
}

function ownOption(word: string, options: Definition["options"]) {
  const [, long = "", inline] = /^--([a-z-]+)(=.*)?$/s.exec(word) ?? [];
  for (const [name, definition] of Object.entries(options)) {
    const needsValue = takesValue(definition);
    if (long === name) return { needsValue: needsValue && inline === undefined };
    if (word === `-${definition.short}`) return { needsValue };
    // `-ojson`, as with kubectl.
    if (definition.choices?.some((choice) => word === `-${definition.short}${choice}`)) {
      return { needsValue: false };
    }
  }
  return undefined;
}

const lineWidth = 120;

/** What `keymount NAME --help` prints. */
export function helpOf(name: string, definition: Definition): string {
  const { usage, about, options, more, json, exits } = definition;
  const rows = Object.entries(options).map(([option, it]) => [syntaxOf(option, it), textOf(it)] as const);
  const width = Math.max(0, ...rows.map(([syntax]) => syntax.length)) + 4;
  const list = rows.map(([syntax, text]) => `  ${syntax.padEnd(width - 2)}${wrapped(text, width)}\n`).join("");
  const codes = Object.entries(exits).map(([code, meaning]) => `${code} ${meaning}`);
  const parts = [
    `Usage: keymount ${name}${usage && ` ${usage}`}\n`,
    `${about}\n`,
    list,
    more ?? "",
    json ? `With -o json:\n${json.replace(/^/gm, "  ")}\n` : "",
    wrapped(`${codes.length > 1 ? "Exit codes" : "Exit code"}: ${codes.join(", ")}.`, 0) + "\n",
  ];
  return parts.filter((part) => part !== "").join("\n");
}

/** `-f, --file FILE`; options without a short name stand below those names, not those dashes. */
export function syntaxOf(name: string, { short, value, choices }: OptionDefinition): string {
  const shown = value ?? choices?.join("|");
  return `${short ? `-${short}, ` : "    "}--${name}${shown === undefined ? "" : ` ${shown}`}`;
}

/** With what is so where the option is not given, and whether it may be repeated. */
export function textOf({ text, default: usual, multiple }: OptionDefinition): string {
  const also = [usual && `default: ${usual}`, multiple && "may be repeated"].filter(Boolean).join("; ");
  return also ? `${text} (${also})` : text;
}

function wrapped(text: string, indent: number): string {
  const lines = [""];
  for (const piece of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && indent + line.length + 1 + piece.length > lineWidth) lines.push(piece);
    else lines[lines.length - 1] = line === "" ? piece : `${line} ${piece}`;
  }
  return lines.join(`\n${" ".repeat(indent)}`);
}
