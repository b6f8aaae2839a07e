import { execFileSync } from "node:child_process";

/** A regular expression, and where it stands. */
export interface Expression {
  location: string;
  source: string;
  flags: string;
}

/** A text that an expression takes too long on: the beginning, what is repeated to the length, and the end. */
export interface Slow extends Expression {
  strike: Strike;
  ms: number;
}

type Strike = readonly [prefix: string, unit: string, suffix: string];

/** Tries each expression on texts of 100,000 characters made of its own alphabet; gives those that take more than `limitMs` of CPU. */
export function slowOnes(expressions: readonly Expression[], limitMs: number): Slow[] {
  const trials = expressions.map(({ source, flags }) => ({ source, flags, strikes: strikesOn(source, flags) }));
  const output = execFileSync(process.execPath, ["-e", measuringProgram], {
    input: JSON.stringify({ trials, limitMs }),
    maxBuffer: 64 << 20,
    timeout: 120_000,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const slow = JSON.parse(output.toString()) as { index: number; strike: Strike; ms: number }[];
  return slow.map(({ index, strike, ms }) => ({ ...expressions[index]!, strike, ms }));
}

/**
 * What the process that tries them runs. Short texts tell what is linear; only what is not is tried at length, and ended
 * after half a second: V8 lets a script be ended within an expression. Ending takes a thread for each script, so one script
 * tries all the short texts; where it is ended, each is tried by itself.
 */
const measuringProgram = `
const vm = require("node:vm");
const { trials, limitMs } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const cpuMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
const context = vm.createContext({ cpuMs });
const script = new vm.Script(\`times = texts.map((text) => {
  const before = cpuMs();
  /[gy]/.test(expression.flags) ? text.replace(expression, "") : expression.exec(text);
  return cpuMs() - before;
})\`);
const endedMs = 500;
function took(expression, strikes, length) {
  const texts = strikes.map(([prefix, unit, suffix]) =>
    Buffer.from(prefix + unit.repeat(Math.ceil(length / unit.length)) + suffix, "utf16le").toString("utf16le"),
  );
  Object.assign(context, { expression, texts });
  try { script.runInContext(context, { timeout: endedMs }); } catch { return undefined; }
  return context.times;
}
const tookOne = (expression, strike, length) => took(expression, [strike], length)?.[0] ?? endedMs;
const slow = [];
for (const [index, { source, flags, strikes }] of trials.entries()) {
  const expression = new RegExp(source, flags);
  const times = took(expression, strikes, 8_000);
  for (const [number, strike] of strikes.entries()) {
    let ms = times ? times[number] : tookOne(expression, strike, 8_000);
    if (ms < 1.5) continue;
    if (ms < endedMs) ms = tookOne(expression, strike, 100_000);
    if (ms > limitMs && ms < endedMs) ms = Math.min(ms, tookOne(expression, strike, 100_000));
    if (ms <= limitMs) continue;
    slow.push({ index, strike, ms: Math.round(ms) });
    break;
  }
}
console.log(JSON.stringify(slow));
`;

/** An element of an expression that takes one character, with characters it takes. */
interface Atom {
  samples: readonly string[];
  /** How often it has to be there. */
  least: number;
}

const suffixes = ["", "\u0000", "\n!"];
const mostWindows = 60;

/** Runs of each character that means something to the expression, and repetitions of pieces of what it matches, each after beginnings. */
export function strikesOn(source: string, flags: string): Strike[] {
  const atoms = atomsOf(source, flags);
  const characters = [...new Set(atoms.flatMap(({ samples }) => samples))].slice(0, 24);
  const matching = (from: number, to: number) =>
    atoms
      .slice(from, to)
      .map(({ samples, least }) => (samples[0] ?? "").repeat(least))
      .join("");
  const ends = atoms.map((_, index) => index + 1);
  const windows = ends.flatMap((to) =>
    [0, to - 8, to - 4, to - 3, to - 2].map((from) => matching(Math.max(0, from), to)),
  );
  const units = [...characters, ...[...new Set(windows)].filter((one) => one.length > 1).slice(0, mostWindows)];
  const beginnings = ends.slice(0, 32).flatMap((to) => {
    const near = [...(atoms[to - 1]?.samples ?? []), ...(atoms[to]?.samples ?? [])];
    return [...new Set(near)].map((unit): [string, string] => [matching(0, to), unit]);
  });
  const pairs: [string, string][] = [
    ...units.flatMap((unit): [string, string][] => [
      ["", unit],
      ["\u0000", unit],
    ]),
    ...beginnings,
  ];
  return pairs.flatMap(([prefix, unit]) => suffixes.map((suffix): Strike => [prefix, unit, suffix]));
}

const token =
  /(?<escape>\\(?:u\{[\da-fA-F]{1,6}\}|u[\da-fA-F]{4}|x[\da-fA-F]{2}|[pP]\{[^}]{1,40}\}|k<[^>]{1,40}>|c[A-Za-z]|.))|(?<set>\[(?:\\.|[^\]\\])*\])|(?<count>[*+?]|\{(?<least>\d+)(?:,\d*)?\})\??|(?<mark>\((?:\?(?:[:=!]|<[=!]|<\w+>))?|[)|^$])|(?<plain>[^])/guy;

function atomsOf(source: string, flags: string): Atom[] {
  const plain = flags.replace(/[gy]/g, "");
  const atoms: Atom[] = [];
  const pieces = [...source.matchAll(token)].map(({ groups }) => groups!);
  const literals = pieces.flatMap(({ plain: one }) => (one === undefined || one === "." ? [] : [one]));
  for (const { escape, set, least, plain: one } of pieces) {
    const last = atoms.at(-1);
    if (least !== undefined && last) last.least = Math.min(64, Math.max(1, Number(least)));
    const piece = escape ?? set ?? one;
    if (piece === undefined || /^\\[bBk\d]/.test(piece)) continue;
    const takes = new RegExp(`^${piece}$`, plain);
    const samples = [...literals, ...someCharacters].filter((character) => takes.test(character));
    atoms.push({ samples: spread([...new Set(samples)]), least: 1 });
  }
  return atoms;
}

/** Whitespace, digits, letters and marks: some of every set that is commonly written. */
const someCharacters = [
  ..." \n\ta0-_./:\"'=\\,*{<@#;(A\r",
  "\u00e9",
  "\u2028",
  "\u0001",
  "\u007f",
  "\u202e",
  "\ud800",
  "\u{1f600}",
];

/** The first few, and some from all over. */
function spread(samples: readonly string[]): string[] {
  return samples.filter((_, index) => index < 4 || index % Math.ceil(samples.length / 4) === 0);
}
