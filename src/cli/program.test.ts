import { expect, test } from "vitest";
import { programOf } from "./program.js";

test.each<[string, string | undefined, string]>([
  ["the bundle below", "/home/me/keymount/dist/keymount.js", "node dist/keymount.js"],
  ["the bundle elsewhere", "/opt/keymount.js", "node /opt/keymount.js"],
  ["an installed command", "/usr/local/bin/keymount", "keymount"],
  ["nothing known", undefined, "keymount"],
])("%s", (_what, script, typed) => expect(programOf(script, "/home/me/keymount")).toBe(typed));
