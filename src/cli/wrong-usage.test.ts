import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { type CommandName, commandTable } from "./command-table.js";
import { runCommand } from "./commands.js";
import { type Definition, type OptionDefinition, takesValue } from "./define-command.js";

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

test("of two outputs of which one cannot be written, none is", async () => {
  const folder = await temporaryDirectory();
  const at = (name: string) => join(folder, name);
  const objects = JSON.stringify([{ objectName: "a", secretPath: "secret/data/a", secretKey: "a" }]);
  const secretObjects = [{ secretName: "a", type: "Opaque", data: [{ objectName: "a", key: "a" }] }];
  const spec = { provider: "vault", parameters: { roleName: "a", objects }, secretObjects };
  await writeFile(at("classes"), JSON.stringify({ kind: "SecretProviderClass", metadata: { name: "a" }, spec }));
  const args = ["migrate", "-f", at("classes"), "--vault-addr=https://vault", "--write", at("new")];
  const secretSync = ["--service-account=web", "--secret-sync"];
  await refused(
    [...args, ...secretSync, at("classes")],
    `cannot write ${at("classes")}: there is a file of that name already`,
  );
  await refused(
    [...args, ...secretSync, at("none/x")],
    `cannot write ${at("none/x")}: there is no directory ${at("none")}\n`,
  );
  expect(await readdir(folder)).toEqual(["classes"]);
});

describe("an option that has no effect in the company it is in is wrong usage", () => {
  const said = (name: string, { value, choices }: OptionDefinition) =>
    takesValue({ ...(value && { value }), ...(choices && { choices }) })
      ? `--${name}=${choices?.[0] ?? "x"}`
      : `--${name}`;
  const options = commands.flatMap(([name, { options }]) =>
    Object.entries(options as Record<string, OptionDefinition>).map(([option, it]) => ({ name, options, option, it })),
  );

  test.each(options.flatMap(({ it: { excludes = [] }, ...rest }) => excludes.map((other) => ({ ...rest, other }))))(
    "$name --$option beside --$other",
    async ({ name, options, option, other }) => {
      const both = [option, other].map((one) => said(one, (options as Record<string, OptionDefinition>)[one]!));
      await refused([name, ...both], `--${option} and --${other} exclude each other; see keymount ${name} --help\n`);
    },
  );

  test.each(options.filter(({ it }) => it.needs))("$name --$option alone", async ({ name, option, it }) => {
    const { code, stderr } = await keymount(name, said(option, it));
    expect(code).toBe(2);
    expect(stderr).toMatch(/^keymount [a-z-]+: --[a-z-]+ needs --[^\n]+; see keymount [a-z-]+ --help\n$/);
    expect(stderr).toContain(`--${option} needs --${it.needs!.join(", --").replace(/, (?=[^,]*$)/, " or ")};`);
  });

  test("the pairs of all commands", () => {
    expect(
      options.flatMap(({ name, option, it: { needs = [], excludes = [] } }) => [
        ...(needs.length > 0 ? [`${name} --${option} needs ${needs.join(" ")}`] : []),
        ...(excludes.length > 0 ? [`${name} --${option} excludes ${excludes.join(" ")}`] : []),
      ]),
    ).toEqual([
      "mount --interval needs watch",
      "mount --json excludes output",
      "check --json excludes output",
      "migrate --secret-sync needs service-account",
      "migrate --service-account needs secret-sync",
      "migrate --json excludes output",
      "doctor --pod needs uid",
      "doctor --pod excludes token-file",
      "doctor --uid needs pod",
      "doctor --read-all needs file class",
      "doctor --json excludes output",
      "leases --config excludes state-dir",
      "leases --json excludes output",
      "notify --signal excludes http exec",
      "notify --process needs signal",
      "notify --process excludes run",
      "notify --http excludes exec",
      "notify --method needs http",
      "notify --exec excludes run",
      "notify --initial excludes run",
      "notify --timeout excludes signal",
      "revoke-all --config excludes state-dir",
      "revoke-all --json excludes output",
      "version --json excludes output",
    ]);
  });
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
