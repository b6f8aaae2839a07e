import { status } from "@grpc/grpc-js";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { errorTextsInRooms } from "../../dev/testing/error-texts.js";
import { sourceFiles } from "../../dev/testing/source-files.js";
import { finalStatus } from "../rpc/status.js";
import { type ErrorCode, ProviderError } from "../shared/errors.js";
import { closedNamespaceTexts } from "../vault/closed-namespace.js";
import { outages, tlsFaults } from "../vault/connection-fault.js";

const page = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");

/** All that keymount can say: its code, with literals that are written in pieces put together. */
const code = sourceFiles()
  .map(({ text }) => text)
  .join("\n")
  .replace(/["`] \+\s*["`]/g, "");

/** The cells of every table row under headings that have a column "message". */
const sayings = page
  .split("\n")
  .filter((line) => /^\| `(?!code = |Keymount)/.test(line) && line.split("|").length === 5)
  .flatMap((line) => line.split("|")[1]!.match(/`[^`]+`(?! \()/g) ?? [])
  .map((text) => text.slice(1, -1));

const others = ["provider not found: provider", "context deadline exceeded", "failed to get secretproviderclass"];

test.each(sayings.filter((saying) => !others.includes(saying)))("keymount does say: %s", (saying) => {
  for (const piece of saying.split("…").map((piece) => piece.trim())) expect(code).toContain(piece);
});

/** Texts that no event, log line or alert shows as they are. */
const inside = [
  "a keystore is made in the renderer", // A mistake of ours.
  "cut off for others", // Told as "had no answer after a second".
  "the caller gave up", // By then no caller is there to read it.
  "the mount was not told in time", // The refusal is told, without its hint.
  "…: the Kubernetes API gave no class", // Of doctor's alone, as the next.
  "…: the Kubernetes API gave no CSIDriver",
  "no provider answers at …",
  "the check took too long", // Of /readyz alone.
  "the state directory … …", // Its reasons have rows.
  "larger than … bytes", // Of a TLS file, as "the connection's TLS file … cannot be used" tells.
];

/** Whether the pieces of a key are in the text, in their order. */
function tells(key: string, text: string): boolean {
  let at = 0;
  for (const piece of key.split("…").map((one) => one.trim())) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return true;
}

/** A text that is put together from others has theirs. */
const isFrame = (text: string) => text.replaceAll(/[…\s;:.,()]/g, "").length < 12;

const errorTexts = [
  ...errorTextsInRooms(),
  ...Object.values(tlsFaults).map((text) => ({ file: "TLS", text: `TLS with … is refused: ${text}` })),
  ...Object.values(outages).map((text) => ({ file: "no answer", text: `… ${text}` })),
  ...Object.values(closedNamespaceTexts).map((text) => ({ file: "namespace", text: `the Vault namespace … ${text}` })),
].filter(({ text }) => !inside.includes(text) && !isFrame(text));

test("errors are found in the code", () => expect(errorTexts.length).toBeGreaterThan(80));

test.each(errorTexts.map(({ text, file }) => [text, file]))("the runbook has a row for: %s (%s)", (text) => {
  expect(sayings.filter((saying) => tells(saying, text))).not.toEqual([]);
});

/** Lines whose fields say everything: their texts are rows of their own. */
const carriers = ["refused", "cannot serve", "configuration"];
const logged = readFileSync(new URL("../../docs/logging.md", import.meta.url), "utf8");
const troubles = [...logged.matchAll(/^\| (?:warn|error|fatal) \| `([^`]+)` \|/gm)]
  .map(([, line]) => line!)
  .filter((line) => !carriers.includes(line));

test("lines of the log are found", () => expect(troubles.length).toBeGreaterThan(30));

test.each(troubles)("the runbook has a row for the log's line: %s", (line) => {
  expect(sayings.filter((saying) => tells(saying, line))).not.toEqual([]);
});

test("what the runbook looks for in the log is in a line of it, or in an error", () => {
  const wanted = [...page.matchAll(/`logline '([^']+)'`/g)].map(([, text]) => text!.replace(/^"msg":"(.*)"$/, "$1"));
  expect(wanted.length).toBeGreaterThan(5);
  expect(wanted.filter((text) => !logged.includes(text) && !sayings.includes(text))).toEqual([]);
});

test("the runbook has a row for every code of an error, with what an event says for it", () => {
  const errors = readFileSync(new URL("../shared/errors.ts", import.meta.url), "utf8");
  const codes = [
    ...errors
      .split("export type ErrorCode")[1]!
      .split(";")[0]!
      .matchAll(/\| "(\w+)"/g),
  ].map(([, name]) => name as ErrorCode);
  const inEvent = (code: ErrorCode) => {
    const words = status[finalStatus(new ProviderError(code, "")).code].toLowerCase().split("_");
    return words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
  };
  const rows = [...page.matchAll(/^\| `code = (\w+)` \| `(\w+)` \|/gm)].map(([, event, code]) => [event, code]);
  expect(rows).toEqual(codes.map((code) => [inEvent(code), code]));
});

test("the event that docs/operations.md quotes is of keymount's own words", () => {
  const operations = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
  const event = /`FailedMount` at the new pods that need it: `([^`]+)`/.exec(operations)![1]!;
  expect(sayings.filter((saying) => tells(saying, event))).toEqual([
    "though it says that it is well; what this path talks to may be down or slow",
    "it is asked again in … s",
    "does not finish its answer in time",
  ]);
});

test("what docs/operations.md quotes beside it is said by keymount, too", () => {
  const operations = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
  const isOther = /--|[{=(]|^(npm|kubectl|docker|node|keymount) /;
  const quoted = [...operations.replaceAll(/```[\s\S]*?```/g, "").matchAll(/`([^`\n]+)`/g)]
    .map(([, text]) => text!)
    .filter((text) => text.split(" ").length > 3 && !isOther.test(text));
  expect(quoted).toHaveLength(4);
  const pieces = quoted.flatMap((text) => text.replace("class web", "class …").replace("db/password", "…").split("…"));
  expect(pieces.filter((piece) => !code.includes(piece.trim()))).toEqual([]);
});

test("the sample of kubectl describe has keymount's own words", () => {
  const [, event = ""] = /^ +Warning +FailedMount .* kubelet +(MountVolume.*)$/m.exec(page) ?? [];
  expect(event).toMatch(
    /^MountVolume.SetUp failed for volume "\w+" : rpc error: code = (\w+) desc = failed to mount secrets store objects for pod [\w/-]+, err: rpc error: code = \1 desc = /,
  );
  expect(sayings.filter((saying) => tells(saying, event))).toEqual([
    "does not name this service account",
    "Vault refused the login of",
    "Vault refused …",
  ]);
});

test("what the runbook refers to is there", () => {
  const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\w ]/g, "")
      .replaceAll(" ", "-"),
  );
  const links = [...page.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
  expect(headings).toEqual(expect.arrayContaining(links));
});
