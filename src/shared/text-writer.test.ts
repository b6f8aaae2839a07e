import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { TextWriter } from "./text-writer.js";

test("gives what was written, in order, however many pieces", () => {
  const out = new TextWriter();
  const pieces = Array.from({ length: 5_000 }, (_, n) => `${n},`);
  for (const piece of pieces) out.write(piece);
  expect(out.text()).toBe(pieces.join(""));
  out.write("end");
  expect(out.text()).toBe(`${pieces.join("")}end`);
});

test.each([
  ["", ""],
  ["abc", "abc"],
  ["'", "(q)"],
  ["''a'b''", "(q)(q)a(q)b(q)(q)"],
])("escapes %j", (text, written) => {
  const out = new TextWriter();
  out.writeEscaped(text, (unit) => (unit === 0x27 ? "(q)" : undefined));
  expect(out.text()).toBe(written);
});

test("takes so much and no more", () => {
  const excess = new Error("too long");
  const out = new TextWriter(5, () => excess);
  out.write("abc");
  expect(() => out.forPart().write("abc")).toThrow(excess);
  out.write("de");
  expect(out.text()).toBe("abcde");
  expect(() => out.write("f")).toThrow(excess);
  expect(out.text()).toBe("");
});

test("an error keeps nothing of what was written", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  const before = process.memoryUsage().heapUsed;
  const errors = Array.from({ length: 100 }, () => {
    const out = new TextWriter(3 << 20, () => new Error("too long"));
    try {
      for (let n = 0; n < 5; n += 1) out.write(JSON.stringify({ n, text: "x".repeat(1 << 20) }));
    } catch (error) {
      return error;
    }
    return undefined;
  });
  expect(errors).not.toContain(undefined);
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(30 << 20);
});

test("stops at the first piece that is too much", () => {
  let asked = 0;
  const out = new TextWriter(10, () => new Error("too long"));
  const escape = () => {
    asked += 1;
    return "12";
  };
  expect(() => out.writeEscaped("x".repeat(1_000_000), escape)).toThrow("too long");
  expect(asked).toBe(6);
});
