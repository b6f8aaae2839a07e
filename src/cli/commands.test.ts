import { describe, expect, test } from "vitest";
import { runCommand } from "./commands.js";

async function keymount(...argv: string[]) {
  return atTerminal(false, ...argv);
}

async function atTerminal(isTTY: boolean, ...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  const io = {
    stdin: { isTTY },
    program: "keymount",
    stdout: { write: (text: string) => (written.stdout += text) },
    stderr: { write: (text: string) => (written.stderr += text) },
    readFile: () => Promise.reject(new Error("nothing is read here")),
  };
  return { code: await runCommand(argv, io, new AbortController().signal), ...written };
}

test.each([
  ["version"],
  ["--version"],
  ["-version"],
  ["-v"],
  ["-V"],
  ["serve", "--version"],
  ["-endpoint=/x/vault.sock", "-version"],
])("%s %s says which version this is", async (...argv) => {
  expect(await keymount(...argv)).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^keymount \d+\.\d+\.\d+ \(node \d/) as string,
    stderr: "",
  });
});

test.each([["-o", "json"], ["-ojson"], ["--output=json"], ["--json"]])(
  "version %s %s is one JSON object",
  async (...argv) => {
    const { code, stdout, stderr } = await keymount("version", ...argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
      node: process.versions.node,
    });
  },
);

describe("help", () => {
  test.each([["help"], ["--help"], ["-h"], ["-help"]])("%s lists the commands", async (word) => {
    expect(await keymount(word)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("keymount COMMAND") as string,
    });
  });

  test("of a command is asked for as with git, too", async () => {
    expect(await keymount("help", "check")).toEqual(await keymount("check", "--help"));
  });

  test("is what a person at a terminal gets for nothing", async () => {
    expect(await atTerminal(true)).toEqual(await keymount("help"));
  });

  test.each(["serve", "mount", "check", "doctor", "migrate", "leases", "revoke-all", "version"])(
    "%s --help tells usage and exit codes",
    async (command) => {
      const { code, stdout, stderr } = await keymount(command, "--help");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(new RegExp(`^Usage: keymount ${command}`));
      expect(stdout).toMatch(/Exit codes?:? 0/);
    },
  );
});

test("dev says where it is to be had, where it is not installed", async () => {
  const told = expect.stringContaining("(keymount-dev.js) is not part of this installation") as string;
  expect(await keymount("dev")).toEqual({ code: 1, stdout: "", stderr: told });
  expect(await keymount("dev", "--help")).toEqual({ code: 0, stdout: told, stderr: "" });
});

test("a command that is none is wrong usage, and the one meant is named", async () => {
  expect(await keymount("chekc")).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringContaining('there is no command "chekc"; did you mean check?') as string,
  });
});

test("flags alone are serve's, and every mistake of the configuration is named", async () => {
  const { code, stdout, stderr } = await keymount("-vault-adr=http://127.0.0.1:1", "-log-level=loud");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain("--vault-adr is not known; did you mean --vault-addr?");
  expect(stderr).toMatch(/--log-level: "\w+" must be one of trace, debug/);
});

test("serve says why it does not, even where no log is wanted", async () => {
  const flags = ["-vault-addr=http://127.0.0.1:1", "-key-file=/none", "-log-level=off"];
  const { code, stderr } = await keymount("serve", ...flags);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: "keymount serve: the key file /none cannot be read: there is no such file\n",
  });
});

test("nothing that a stranger named acts on a terminal", async () => {
  const { stderr } = await keymount("\u202eevres\u001b[2J\u200b");
  expect(stderr).toContain('there is no command "\\u202eevres\\u001b[2J\\u200b"');
});
