import { ProviderError } from "../../shared/errors.js";
import { escapesOf } from "../../shared/escapes.js";
import type { Json } from "../../shared/json.js";
import { named, namesThereAre } from "../../shared/quoted.js";
import { TextWriter } from "../../shared/text-writer.js";
import { membersOf, textOf } from "./members.js";

/**
 * `NAME='value'` lines for a shell that reads the file (`set -a; . FILE`), and for systemd's EnvironmentFile: everything
 * between single quotes stands for itself. What needs no quotes has none, so that such lines mean the same to Docker.
 */
export function env(value: Json, location: string, out: TextWriter = new TextWriter()): string {
  return lines(value, { format: "env", names: shellNames }, location, out, (text) => {
    if (plain.test(text)) return out.write(text);
    out.write("'");
    out.writeEscaped(text, withinQuotes);
    out.write("'");
  });
}

/**
 * `NAME=value` lines for `docker run --env-file` and Compose's old form, which take every character after `=` as it is, so
 * that there is no way to write a line break. Refuses a value that has one, by its name.
 */
export function dockerEnv(value: Json, location: string, out: TextWriter = new TextWriter()): string {
  return lines(value, { format: "docker-env", names: shellNames }, location, out, (text, name) => {
    if (!/[\r\n]/.test(text)) return out.write(text);
    throw new ProviderError(
      "invalid_request",
      `${named(name)} at ${location} has more than one line, for which docker's env files have no form; use format: env, or a file of its own`,
    );
  });
}

/**
 * `NAME='value'` lines for a `fileKeyRef` of Kubernetes 1.35 and newer. Its reader (1.36.3 pkg/kubelet/util/env) takes nothing
 * but single quotes and every character between them as it is, line breaks too. Refuses, by its name, a value that it would
 * read otherwise, or not at all.
 */
export function kubeEnv(value: Json, location: string, out: TextWriter = new TextWriter()): string {
  return lines(value, { format: "kube-env", names: kubeNames }, location, out, (text, name) => {
    const line = `'${text}'`;
    const misread = text.includes("'")
      ? "a single quote in it, for which Kubernetes' env files have no form"
      : text.includes("\r\n")
        ? "a carriage return before a line break, which Kubernetes drops"
        : hasLineBeyond(longestKubeLine - name.length - 1, line)
          ? `a line of more than ${longestKubeLine} bytes, at which Kubernetes stops reading`
          : undefined;
    if (misread === undefined) return out.write(line);
    throw new ProviderError(
      "invalid_request",
      `${named(name)} at ${location} has ${misread}; write it to a file of its own`,
    );
  });
}

/** Of Go's bufio.Scanner: 64 KiB with the line break. */
const longestKubeLine = (64 << 10) - 1;

function hasLineBeyond(bytes: number, text: string): boolean {
  for (let from = 0, end = 0; text.length - from > bytes / 3; from = end + 1) {
    end = text.indexOf("\n", from);
    if (end < 0) end = text.length;
    if (Buffer.byteLength(text.slice(from, end)) > bytes) return true;
  }
  return false;
}

const withinQuotes = escapesOf((character) => (character === "'" ? `'\\''` : undefined));

/** Of no meaning to any shell. */
const plain = /^[\w@%+:,./-]+$/;

/** The names that a format has a form for, and how messages call them. */
interface Names {
  valid: (name: string) => boolean;
  words: string;
}

/** POSIX names: what a shell takes for a variable. */
const shellNames: Names = { valid: (name) => /^[A-Za-z_]\w*$/.test(name), words: "letters, digits and _" };

/** What the API server lets a `fileKeyRef` name (1.36.3 IsRelaxedEnvVarName), as far as the kubelet reads it as one. */
const kubeNames: Names = {
  valid: (name) => /^[ -<>-~]+$/.test(name) && name === name.trim() && !name.startsWith("#"),
  words: 'printable ASCII without "="',
};

function lines(
  value: Json,
  { format, names }: { format: string; names: Names },
  location: string,
  out: TextWriter,
  write: (text: string, name: string) => void,
): string {
  const members = membersOf(value, format, location);
  const unfit = members.map(([name]) => name).filter((name) => !names.valid(name));
  if (unfit.length > 0) {
    const which = unfit.length === 1 ? "key" : "keys";
    throw invalidValue(`no names of variables (${names.words}): the ${which} ${namesThereAre(unfit)} at ${location}`);
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
