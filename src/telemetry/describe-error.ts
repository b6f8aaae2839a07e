import { ProviderError } from "../shared/errors.js";
import { logKeys } from "./log-keys.js";

const mostCauses = 5;
const mostFrames = 3;
const mostUncaughtFrames = 12;
/** Of a stack, which may hold a message of any length. */
const longestStack = 16_384;

/**
 * What of an error may be logged: our own words, and of a stranger's its class, its code, such as `ECONNREFUSED`, and
 * the peer it failed to reach. A stranger's message may quote a token or a body, so it is never written; where that
 * leaves no code, the places it was thrown at are.
 */
export function describeError(error: unknown): { error: string; causes?: string[] } {
  const causes: string[] = [];
  // A chain may be cyclic.
  for (let next = causesOf(error); next.length > 0 && causes.length < mostCauses; next = next.flatMap(causesOf)) {
    causes.push(...next.map(wordsOf));
  }
  return { error: wordsOf(error), ...(causes.length > 0 && { causes: causes.slice(0, mostCauses) }) };
}

/** The same, and where it was thrown, which is the only way to find it. */
export function describeUncaught(error: unknown): ReturnType<typeof describeError> & { stack?: string } {
  const stack = error instanceof Error ? framesOf(error, mostUncaughtFrames) : undefined;
  return { ...describeError(error), ...(stack !== undefined && { [logKeys.stack]: stack }) };
}

function causesOf(error: unknown): unknown[] {
  if (!(error instanceof Error)) return [];
  const cause = error.cause === undefined ? [] : [error.cause];
  return error instanceof AggregateError ? [...cause, ...(error.errors as unknown[])] : cause;
}

function wordsOf(error: unknown): string {
  if (error instanceof ProviderError) return error.message;
  if (!(error instanceof Error)) return typeof error;
  const { name, code, syscall, address, port } = error as Error & Partial<SystemError>;
  // grpc-js has numbers for codes.
  const known = typeof code === "number" ? String(code) : word(code, /^[A-Z][A-Z0-9_]{1,63}$/);
  const parts = [
    word(name, /^\w{1,64}$/) ?? "Error",
    word(syscall, /^[a-z]{1,32}$/),
    known,
    word(address, /^[\w.:/-]{1,107}$/),
    typeof port === "number" ? String(port) : undefined,
    known === undefined ? framesOf(error, mostFrames) : undefined,
  ];
  return parts.filter((said) => said !== undefined).join(" ");
}

interface SystemError {
  code: unknown;
  syscall: unknown;
  address: unknown;
  port: unknown;
}

function word(value: unknown, form: RegExp): string | undefined {
  return typeof value === "string" && form.test(value) ? value : undefined;
}

/** `at keymount.js:1:234 < …`, from the lines of the stack that are V8's; names of functions are left out. */
function framesOf({ stack }: Error, most: number): string | undefined {
  const frame = /^ {4}at (?:.{1,120} \()?(?:file:\/\/|node:|\/)(?:[^\s()]{0,300}\/)?([\w.-]{1,80}:\d{1,7}:\d{1,7})\)?$/;
  const lines = String(stack ?? "")
    .slice(0, longestStack)
    .split("\n");
  const frames = lines.flatMap((line) => frame.exec(line)?.[1] ?? []);
  return frames.length > 0 ? `at ${frames.slice(0, most).join(" < ")}` : undefined;
}
