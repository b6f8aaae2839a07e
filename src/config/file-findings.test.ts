import { describe, expect, test } from "vitest";
import { ConfigError } from "./config-error.js";
import { findingsOfFile } from "./file-findings.js";
import { loadOptions } from "./load-options.js";

const vault = "connections:\n  main:\n    addresses: [https://vault:8200]\n";

/** What `serve` says with this file and what a cluster's manifest adds to it. */
function saidByServe(file: string, flags: readonly string[]): readonly string[] {
  try {
    loadOptions({ argv: ["--config=f", ...flags], env: {}, execArgv: [], readFile: () => file });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
}

/** Line and column, level and text. */
function said(file: string): string[] {
  return findingsOfFile(file).map(({ level, offset, text }) => {
    const before = file.slice(0, offset).split("\n");
    return `${before.length}:${before.at(-1)!.length + 1} ${level}: ${text}`;
  });
}

describe("what serve refuses in a file is a mistake, at its place", () => {
  test.each<[string, string, string]>([
    ["an unknown setting", `${vault}evnts: true\n`, "4:1 mistake: evnts: is not a setting; did you mean events?"],
    [
      "an unknown setting of a connection",
      `${vault}    tsl: {}\n`,
      "4:5 mistake: connections.main.tsl: is not a setting; did you mean tls?",
    ],
    ["a wrong type", `${vault}events: maybe\n`, '4:1 mistake: events: "maybe" must be true or false'],
    ["a wrong unit", `${vault}leases: {maxOrphan: 1}\n`, "4:10 mistake: leases.maxOrphan: "],
    ["an address without a scheme", "connections: {main: {addresses: [vault]}}\n", "1:34 mistake: connections.main."],
    ["two rivals", `${vault}keyFile: /a\nkeySecret: b\n`, "1:1 mistake: keyFile and keySecret"],
    [
      "a default that is none",
      `${vault}default: mian\n`,
      '4:1 mistake: default: "mian" is not one of the connections (main); did you mean main?',
    ],
    [
      "several connections of which none is the default",
      "connections: {b: {addresses: [https://b:8200]}, a: {addresses: [https://a:8200]}}\n",
      "1:1 mistake: default: is missing; name the one that is meant by classes that name none (b, a)",
    ],
    ["half of a client certificate", `${vault}    tls: {certFile: /a}\n`, "4:5 mistake: connections.main.tls: has a"],
    ["a relative socket directory", `${vault}socketDir: a\n`, "1:1 mistake: the socket's directory must be absolute"],
    ["a list", "- a\n", "1:1 mistake: the file must be a map of settings"],
    [
      "a second connection without an address",
      `default: main\n${vault}  other: {}\n`,
      "5:3 mistake: connections.other.addresses: is missing",
    ],
  ])("%s", (_name, file, expected) => {
    expect(said(file)).toEqual([expect.stringContaining(expected)]);
    expect(saidByServe(file, [])).not.toEqual([]);
  });
});

describe("what serve takes with its flags is no mistake of the file's", () => {
  test.each<[string, string, readonly string[], string[]]>([
    ["a file that is right", vault, [], []],
    ["no connection", "events: true\n", ["--vault-addr=https://vault:8200"], []],
    [
      "a connection without an address",
      "connections:\n  main: {tokenPer: pod}\n",
      ["--vault-addr=https://vault:8200"],
      ["2:3 warning: connections.main.addresses: is missing, unless --vault-addr gives it"],
    ],
    ["a state directory without a key", `${vault}stateDir: /run/keymount\n`, ["--key-file=/key"], []],
    ["pods watched without a node's name", `${vault}podWatch: true\n`, ["--node-name=a"], []],
    [
      "a Vault without TLS",
      vault.replace("https", "http"),
      [],
      ["2:3 warning: connection main sends tokens and secrets unencrypted to http://vault:8200"],
    ],
    ["a proxy on the node without TLS", vault.replace(/https:[^\]\s]+/, "http://localhost/vault"), [], []],
    [
      "any certificate",
      `${vault}    tls: {skipVerify: true}\n`,
      [],
      ["2:3 warning: connection main takes any certificate for Vault's (tls.skipVerify)"],
    ],
    [
      "a long poll interval",
      `${vault}driverPollInterval: 5m\n`,
      [],
      [expect.stringContaining("4:1 warning: driverPollInterval is longer than two minutes") as string],
    ],
  ])("%s", (_name, file, flags, expected) => {
    expect(said(file)).toEqual(expected);
    expect(saidByServe(file, flags)).toEqual([]);
  });
});
