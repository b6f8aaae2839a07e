import { ProviderError } from "../../shared/errors.js";
import type { Json } from "../../shared/json.js";
import { named, namesThereAre } from "../../shared/quoted.js";
import { TextWriter } from "../../shared/text-writer.js";
import { membersOf, textOf } from "./members.js";

/**
 * `NAME='value'` lines for a shell that reads the file (`set -a; . FILE`), and for systemd's EnvironmentFile: everything
 * between single quotes stands for itself. What needs no quotes has none, so that such lines mean the same to Docker.
 */
export function env(value: Json, location: string, out: TextWriter = new TextWriter()): string {
  return lines(value, "env", location, out, (text) => {
    if (plain.test(text)) return out.write(text);
    out.write("'");
    out.writeEscaped(text, (unit) => (unit === quote ? `'\\''` : undefined));
    out.write("'");
  });
}

/**
 * `NAME=value` lines for `docker run --env-file` and Compose's old form, which take every character after `=` as it is, so
 * that there is no way to write a line break. Refuses a value that has one, by its name.
 */
export function dockerEnv(value: Json, location: string, out: TextWriter = new TextWriter()): string {
  return lines(value, "docker-env", location, out, (text, name) => {
    if (!/[\r\n]/.test(text)) return out.write(text);
    throw new ProviderError(
      "invalid_request",
      `${named(name)} at ${location} has more than one line, for which docker's env files have no form; use format: env, or a file of its own`,
    );
  });
}

const quote = 0x27;

/** Of no meaning to any shell. */
const plain = /^[\w@%+:,./-]+$/;

/** A POSIX name: what a shell takes for a variable. */
const variable = /^[A-Za-z_]\w*$/;

function lines(
  value: Json,
  format: string,
  location: string,
  out: TextWriter,
  write: (text: string, name: string) => void,
): string {
  const members = membersOf(value, format, location);
  const unfit = members.map(([name]) => name).filter((name) => !variable.test(name));
  if (unfit.length > 0) {
    const which = unfit.length === 1 ? "key" : "keys";
    throw invalidValue(
      `no names of variables (letters, digits and _): the ${which} ${namesThereAre(unfit)} at ${location}`,
    );
  }
  for (const [name, member] of members) {
    const text = textOf(member, out.forPart());
    if (text.includes("\0")) throw invalidValue(`${named(name)} at ${location} holds a NUL, which no variable can`);
    out.write(`${name}=`);
    write(text, name);
    out.write("\n");
  }
  return out.text();
}

function invalidValue(why: string): ProviderError {
  return new ProviderError("invalid_request", `${why}; rename it in Vault, or write it to a file of its own`);
}
