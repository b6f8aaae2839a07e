import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { escapesOf } from "./escapes.js";
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
  ["é'ü", "(233)(q)(252)"],
  ["я\u0080~", "я(128)~"],
])("escapes %j", (text, written) => {
  const out = new TextWriter();
  const escapes = escapesOf(
    (character) => (character === "'" ? "(q)" : undefined),
    (unit) => (unit < 256 ? `(${unit})` : undefined),
  );
  out.writeEscaped(text, escapes);
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
  const escapes = escapesOf(
    () => undefined,
    () => {
      asked += 1;
      return "12";
    },
  );
  expect(() => out.writeEscaped("é".repeat(1_000_000), escapes)).toThrow("too long");
  expect(asked).toBe(6);
});
