import { expect, test } from "vitest";
import { safeStream } from "./safe-stream.js";

function written(text: string, colours?: boolean): string {
  let all = "";
  const stream = safeStream({ write: (piece) => (all += piece), ...(colours !== undefined && { colours }) });
  expect(stream.colours).toBe(colours);
  stream.write(text);
  return all;
}

test.each([
  ["lines\n\tand tabs, \u001b[31mour colours\u001b[0m", "lines\n\tand tabs, \u001b[31mour colours\u001b[0m"],
  ["cursor \u001b[2J\u001b[1;31H\u009b1A\r", "cursor \\u001b[2J\\u001b[1;31H\\u009b1A\\u000d"],
  ["hidden \u001b[8mtext", "hidden \\u001b[8mtext"],
  ["a title \u001b]0;x\u0007", "a title \\u001b]0;x\\u0007"],
  ["turned \u202e round\u2028", "turned \\u202e round\\u2028"],
])("%j is written as %s", (text, shown) => {
  expect(written(text, true)).toBe(shown);
  expect(written(text)).toBe(shown);
});
