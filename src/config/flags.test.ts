import { expect, test } from "vitest";
import { readFlags } from "./flags.js";
import { olderFlags, optionsHelp, settings } from "./settings.js";

test.each<[string[], Record<string, string>]>([
  [["-endpoint=unix:///x/vault.sock"], { endpoint: "unix:///x/vault.sock" }],
  [["--endpoint", "/x/vault.sock"], { endpoint: "/x/vault.sock" }],
  [
    ["-endpoint", "/x/vault.sock", "-debug", "-vault-addr", "https://v"],
    { endpoint: "/x/vault.sock", debug: "true", "vault-addr": "https://v" },
  ],
  [["-debug=T", "--vault-tls-skip-verify=0"], { debug: "true", "vault-tls-skip-verify": "false" }],
  [["--log-level=info", "--log-level=warn"], { "log-level": "warn" }],
  [["--vault-namespace="], { "vault-namespace": "" }],
  [["--key-file=-"], { "key-file": "-" }],
  [["-help", "--version"], { help: "true", version: "true" }],
])("reads %j", (argv, given) => {
  const flags = readFlags(argv);
  expect(flags.mistakes).toEqual([]);
  expect(Object.fromEntries(flags.given)).toEqual(given);
});

test.each<[string[], string[]]>([
  [["--endpont=/x"], ["--endpont is not known; did you mean --endpoint?"]],
  [
    ["-endpont", "/x"],
    ["--endpont is not known; did you mean --endpoint?", "argument 2 belongs to no flag"],
  ],
  [["-x"], ["--x is not known"]],
  [["s3cret"], ["argument 1 belongs to no flag"]],
  [["--s3cret!=x"], ["a flag is not known"]],
  [["--key-file"], ["--key-file needs a value"]],
  [["--key-file", "--debug"], ["--key-file needs a value"]],
  [["--debug=maybe"], ["--debug is true or false"]],
  [["--", "--debug"], ["argument 2 belongs to no flag"]],
])("refuses %j", (argv, mistakes) => {
  expect(readFlags(argv).mistakes).toEqual(mistakes);
});

test("the help names every flag and variable that says something", () => {
  const help = optionsHelp();
  const names = settings.flatMap(({ flags, env }) => [...flags.map((name) => `--${name}`), ...env]);
  expect([...names, ...Object.keys(olderFlags)].filter((name) => !help.includes(name))).toEqual([]);
});
