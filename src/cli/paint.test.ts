import { expect, test } from "vitest";
import { hasColours, painter } from "./paint.js";

test.each<[string, boolean, Record<string, string>, boolean]>([
  ["a terminal", true, {}, true],
  ["a file or pipe", false, {}, false],
  ["NO_COLOR", true, { NO_COLOR: "1" }, false],
  ["an empty NO_COLOR, which says nothing", true, { NO_COLOR: "" }, true],
  ["TERM=dumb", true, { TERM: "dumb" }, false],
  ["TERM=xterm", true, { TERM: "xterm" }, true],
  ["FORCE_COLOR in a pipe", false, { FORCE_COLOR: "1" }, true],
  ["an empty FORCE_COLOR", false, { FORCE_COLOR: "" }, true],
  ["FORCE_COLOR=0 at a terminal", true, { FORCE_COLOR: "0" }, false],
  ["FORCE_COLOR=false at a terminal", true, { FORCE_COLOR: "false" }, false],
  ["FORCE_COLOR before NO_COLOR", true, { FORCE_COLOR: "1", NO_COLOR: "1" }, true],
])("%s", (_what, isTTY, env, colours) => {
  expect(hasColours(isTTY, env)).toBe(colours);
  const shown = painter({ write: () => {}, colours })("red", "text");
  expect(shown).toBe(colours ? "\u001b[31mtext\u001b[0m" : "text");
});
