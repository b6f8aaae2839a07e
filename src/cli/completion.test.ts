import { execFile, spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { commandTable } from "./command-table.js";
import { completionCommand } from "./completion.js";

async function completion(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  const io = {
    program: "keymount",
    stdout: { write: (text: string) => (written.stdout += text) },
    stderr: { write: (text: string) => (written.stderr += text) },
    readFile: () => Promise.reject(new Error("nothing is read here")),
  };
  return { code: await completionCommand.run(argv, io, new AbortController().signal), ...written };
}

/** The script in a folder of its own, with a file and a directory beside it. */
async function installed(shell: string) {
  const folder = await temporaryDirectory();
  const script = join(folder, "completion");
  await mkdir(join(folder, "a volume"));
  await writeFile(join(folder, "a class.yaml"), "");
  await writeFile(script, (await completion(shell)).stdout);
  return { folder, script };
}

describe("bash", () => {
  /** What a real bash offers for a line that is cut into words as bash cuts it. */
  async function offered(...words: string[]): Promise<string[]> {
    const { folder, script } = await installed("bash");
    const asking = `
      source "$0"
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
      [[ $(complete -p keymount) == *" -F _keymount keymount" ]] && _keymount
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const run = promisify(execFile)("bash", ["--norc", "-c", asking, script, ...words], { cwd: folder });
    const { stdout, stderr } = await run;
    expect(stderr).toBe("");
    return stdout.split("\n").filter(Boolean);
  }

  test.each<[string, string[], string[]]>([
    ["all commands", [""], [...Object.keys(commandTable), "help"]],
    ["commands that begin so", ["le"], ["leases"]],
    ["commands to help with", ["help", "rev"], ["revoke-all"]],
    ["options", ["leases", "--st"], ["--state-dir"]],
    ["short options", ["version", "-"], ["-o", "--output", "--json", "-h", "--help"]],
    ["choices", ["leases", "-o", ""], ["table", "json"]],
    ["choices behind =", ["leases", "--output", "=", "j"], ["json"]],
    ["choices right behind =", ["leases", "--output", "="], ["table", "json"]],
    ["files, with blanks", ["mount", "-f", "a"], ["a class.yaml", "a volume"]],
    ["directories only", ["mount", "--out", ""], ["a volume"]],
    ["files as arguments", ["check", "co"], ["completion"]],
    ["directories as arguments", ["notify", ""], ["a volume"]],
    ["shells as arguments", ["completion", "z"], ["zsh"]],
    ["serve's options for doctor", ["doctor", "--vault-ad"], ["--vault-addr"]],
    ["nothing for a name", ["leases", "--pod", ""], []],
    ["nothing for what is no command", ["leaves", ""], []],
  ])("offers %s", async (_what, words, expected) => {
    expect((await offered("keymount", ...words)).sort()).toEqual([...expected].sort());
  });

  test.each(Object.entries(commandTable))("offers every option of %s", async (name, { options }) => {
    const known = Object.keys(options).map((option) => `--${option}`);
    expect(await offered("keymount", name, "--")).toEqual(expect.arrayContaining([...known, "--help"]));
  });
});

describe.each(["bash", "zsh", "fish"])("%s", (shell) => {
  test("names every command and its options", async () => {
    const { stdout, stderr, code } = await completion(shell);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    for (const [name, { options }] of Object.entries(commandTable)) {
      expect(stdout).toContain(name);
      for (const option of Object.keys(options)) expect(stdout).toMatch(new RegExp(`(--|-l )${option}\\b`));
    }
  });

  test.skipIf(spawnSync(shell, ["--version"]).error)("is a script that the shell reads", async () => {
    const { script } = await installed(shell);
    expect(await promisify(execFile)(shell, ["-n", script])).toEqual({ stdout: "", stderr: "" });
  });
});

test.each([[[]], [["tcsh"]], [["toString"]], [["bash", "zsh"]]])("%j is wrong usage", async (argv) => {
  expect(await completion(...argv)).toEqual({
    code: 2,
    stdout: "",
    stderr: "keymount completion: name one shell: bash, zsh or fish; see keymount completion --help\n",
  });
});
