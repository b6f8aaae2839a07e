import { expect, test } from "vitest";
import { serveFlags } from "./serve-flags.js";

test.each<[string, string[], string[] | undefined]>([
  [
    "the image's command",
    ["node", "--max-old-space-size=64", "/keymount/dist/keymount.js", "serve", "--config", "a b"],
    ["--config", "a b"],
  ],
  [
    "the older providers' way, without a command",
    ["node", "/keymount/dist/keymount.js", "-vault-addr=x"],
    ["-vault-addr=x"],
  ],
  ["nothing but the program", ["/usr/bin/keymount"], []],
  ["behind an init", ["/sbin/tini", "--", "node", "/keymount.js", "serve"], []],
  ["another command", ["node", "/keymount/dist/keymount.js", "dev", "--dir=x"], undefined],
  ["another program", ["/sbin/init", "serve"], undefined],
])("%s", (_what, words, flags) => {
  expect(serveFlags(words.map((word) => `${word}\0`).join(""))).toEqual(flags);
});

test("nothing that can be read", () => expect(serveFlags("")).toBeUndefined());
