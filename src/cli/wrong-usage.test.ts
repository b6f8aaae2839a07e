import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { type CommandName, commandTable } from "./command-table.js";
import { runCommand } from "./commands.js";
import { type Definition, takesValue } from "./define-command.js";

async function keymount(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  const io = {
    program: "keymount",
    stdout: { write: (text: string) => (written.stdout += text) },
    stderr: { write: (text: string) => (written.stderr += text) },
    readFile: (path: string) => readFile(path, "utf8"),
  };
  return { code: await runCommand(argv, io, new AbortController().signal), ...written };
}

/** Of the commands that are loaded here: the embedded Vault is a bundle of its own. */
const commands = (Object.entries(commandTable) as [CommandName, Definition][]).filter(([name]) => name !== "dev");

/** What Node says of arguments, files and modules, and its stack traces. */
const nodesText = /\bE[A-Z]{4,}\b|ERR_|To specify a positional|Unknown option|no such file or directory|\n\s+at /;

async function refused(argv: readonly string[], message: string): Promise<void> {
  const { code, stdout, stderr } = await keymount(...argv);
  expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(message);
  expect(stderr.split("\n")).toHaveLength(2);
  expect(stderr).not.toMatch(nodesText);
}

describe("wrong usage is one line, which names the place of help", () => {
  /** serve's reader names all mistakes at once: with an address only this one is left. */
  const enough = (name: string) => (name === "serve" ? ["--vault-addr=http://vault"] : []);
  const unknown = (name: string, option: string) =>
    name === "serve" ? `-${option.replace(/^-+/, "-")} is not known` : `unknown option ${option}`;

  test.each(commands)("%s: an unknown option", async (name) => {
    const said = unknown(name, "--no-such");
    await refused([name, ...enough(name), "--no-such"], `keymount ${name}: ${said}; see keymount ${name} --help\n`);
  });

  test.each(commands)("%s: an unknown short option", async (name) => {
    const said = unknown(name, "-Z");
    await refused([name, ...enough(name), "-Z"], `keymount ${name}: ${said}; see keymount ${name} --help\n`);
  });

  test.each(commands.filter(([, { operands }]) => !operands))("%s: an argument", async (name) => {
    await refused([name, ...enough(name), "more"], `; see keymount ${name} --help\n`);
  });

  const options = commands.flatMap(([name, { options }]) =>
    Object.entries(options).map(([option, it]) => [name, option, it] as const),
  );

  test.each(options.filter(([, option]) => option.length > 4))("%s --%s misspelt", async (name, option) => {
    await refused([name, ...enough(name), `--${option[0]}${option.slice(2)}`], `; did you mean --`);
  });

  test.each(options.filter(([, , it]) => takesValue(it)))("%s --%s without its value", async (name, option) => {
    await refused([name, `--${option}`], `--${option} needs a value; see keymount ${name} --help\n`);
    await refused([name, `--${option}`, "--json"], `--${option} needs a value; see keymount ${name} --help\n`);
  });

  test.each(options.filter(([, , it]) => !takesValue(it)))("%s --%s with a value", async (name, option) => {
    await refused([name, `--${option}=x`], `--${option} takes no value; see keymount ${name} --help\n`);
  });

  test.each(options.filter(([, , it]) => it.choices))(
    "%s --%s with what is none of its choices",
    async (name, option) => {
      await refused([name, `--${option}=xml`], `, not "xml"; see keymount ${name} --help\n`);
    },
  );
});

describe("a file that cannot be read is named in one line, and why", () => {
  const readers: [string, (file: string) => string[]][] = [
    ["mount -f", (file) => ["mount", "--out", "/nowhere/x", "-f", file]],
    ["check", (file) => ["check", file]],
    ["check -f", (file) => ["check", "-f", file]],
    ["migrate -f", (file) => ["migrate", "-f", file]],
    ["migrate --daemonset", (file) => ["migrate", "-f", "/dev/null", "--daemonset", file]],
    ["doctor -f", (file) => ["doctor", "-f", file]],
    ["doctor --token-file", (file) => ["doctor", "--token-file", file]],
    ["leases --config", (file) => ["leases", "--config", file]],
    ["revoke-all --config", (file) => ["revoke-all", "--yes", "--config", file]],
  ];

  test.each(readers)("%s", async (_what, argv) => {
    const folder = await temporaryDirectory();
    const file = join(folder, "file");
    await writeFile(file, "");
    await refused(argv(join(folder, "none")), `cannot read ${folder}/none: there is no such file`);
    await refused(argv(folder), `cannot read ${folder}: it is a directory`);
    await refused(argv(join(file, "below")), `cannot read ${file}/below: there is no such file`);
  });

  test("an empty token file is called so", async () => {
    const folder = await temporaryDirectory();
    const file = join(folder, "token");
    await writeFile(file, "\n");
    await refused(["doctor", "--token-file", file], `${file} is empty: no service account token is in it`);
  });
});
