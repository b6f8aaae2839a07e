import { describe, expect, test } from "vitest";
import { threadCpuMs } from "../../dev/testing/thread-cpu.js";
import { goJson } from "./go-json.js";
import { TooManyValues, exactJson, parseExactJson } from "./exact-json.js";

const parse = (text: string | Buffer) => parseExactJson(Buffer.from(text));
const printed = (text: string) => goJson(parse(text) ?? "nothing");

describe("numbers keep their digits", () => {
  test.each([
    "0",
    "-0",
    "7",
    "-7",
    "127",
    "128",
    "999999999999999",
    "9007199254740993",
    "100",
    "1e2",
    "0e0",
    "10.0",
    "123456789012345.0",
    "12345678901234567890",
    "12345678901234567890123",
    "1.10",
    "1e308",
    "1E+999999",
    "0.1000000000000000055511151231257827",
  ])("%s", (number) => expect(printed(`{"n":${number}}`)).toBe(`{"n":${number}}`));
});

test("a small whole number is one object, however many answers hold it", () => {
  const [first, second] = parse('[{"version":3},{"version":3}]') as { version: object }[];
  expect(first!.version).toBe(second!.version);
});

describe("keys", () => {
  test("the last of equal ones counts, as in Go", () => {
    expect(printed('{"a":1,"a":{"b":2},"a":3}')).toBe('{"a":3}');
    expect(printed('{"auth":null,"auth":{"x":1}}')).toBe('{"auth":{"x":1}}');
  });

  test("__proto__ is one like any other, and pollutes nothing", () => {
    const parsed = parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    expect(Object.keys(parsed as object)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect({}).not.toHaveProperty("polluted");
  });
});

describe("gives nothing for", () => {
  test.each<[string, string | Buffer]>([
    ["nothing", ""],
    ["HTML", "<html></html>"],
    ["what is cut off", '{"a":'],
    ["what goes on after its end", "{} {}"],
    ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0x22])],
    ["200,000 levels of arrays", "[".repeat(200_000)],
    ["200,000 levels of objects", '{"a":'.repeat(200_000)],
    ["257 levels, well-formed", "[".repeat(257) + "]".repeat(257)],
    ["Infinity", "Infinity"],
    ["a number with a leading zero", '{"n":01}'],
    ["a number that ends in its point", '{"n":1.}'],
    ["a number with a sign in it", '{"n":1-2}'],
    ["a number with a leading plus", '{"n":+1}'],
    ["a sign alone", '{"n":-}'],
    ["two zeros", "[00]"],
    ["a letter after a number", "[1a]"],
    ["a number before a string", '[1"a"]'],
    ["two numbers in a row", "[1 2]"],
    ["numbers without end and separator", "%41".repeat(300_000)],
    ["a number for a key", '{"1":1,2:2}'],
    ["a number for a key, with space around it", '{"1":1, 2 \n: 2}'],
    ["a raw line break in a string", '"\n"'],
  ])("%s", (_name, text) => expect(parse(text)).toBeUndefined());
});

test("what brackets there are in strings is not nesting", () => {
  const text = JSON.stringify({ a: `${"[".repeat(1000)}\\"${"{".repeat(1000)}` });
  expect(printed(text)).toBe(text);
});

test("a held answer takes about the memory of its text, not thirty times that", () => {
  const texts = Array.from({ length: 200 }, (_, index) =>
    Buffer.from(JSON.stringify({ v: `${index}`.padEnd(8192, "x") })),
  );
  const before = process.memoryUsage().heapUsed;
  const held = texts.map(parse);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(25 << 20);
  expect(held).toHaveLength(200);
});

test.each([
  ["members", `{${Array.from({ length: 11 }, (_, n) => `"${n}":1`).join(",")}}`],
  ["elements", `[${Array(11).fill('"a,b"').join(",")}]`],
  ["in nested lists", `[[${Array(6).fill("1").join(",")}],[${Array(6).fill("1").join(",")}]]`],
])("more %s than the caller takes are refused before they are read", (_, text) => {
  expect(() => parseExactJson(Buffer.from(text), 10)).toThrow(TooManyValues);
  expect(parseExactJson(Buffer.from(text), 24)).toBeDefined();
});

describe("costs what it weighs", () => {
  const megabytes = (piece: string) => piece.repeat(Math.ceil((4 << 20) / piece.length));
  const mostValues = 10_240;
  const many = (member: (n: number) => string) => Array.from({ length: mostValues - 2 }, (_, n) => member(n)).join(",");

  test.each<[string, string]>([
    ["one number", `[${megabytes("7")}]`],
    ["one number with a long fraction and exponent", `[0.${megabytes("0")}e1${"0".repeat(100_000)}]`],
    ["a number that is none in the end", `[${megabytes("1e")}]`],
    ["signs", megabytes("-")],
    ["more numbers than are taken", `[${megabytes("1,")}1]`],
    ["as many numbers as are taken, long ones", `[${many(() => "9".repeat(400))}]`],
    ["as many keys as are accepted, all equal", `{${many((n) => (n % 2 ? '"a":1' : '"__proto__":{}'))}`],
    ["keys like indices of a list", `{${many((n) => `"${n * 400_000}":"x"`)}`],
    ["lists without values", `[${megabytes("[],")}[]]`],
    ["levels without values", `${megabytes("[")}`],
    ["ends before beginnings", `${megabytes("]")}${megabytes("[")}`],
    ["a string of quotes", `["${megabytes('\\"')}"]`],
    ["a string without an end", `["${megabytes("\\\\")}`],
    ["escapes", `["${megabytes("\\u003c")}"]`],
  ])("%s", (_name, text) => {
    const body = Buffer.from(text);
    const began = threadCpuMs();
    try {
      parseExactJson(body, mostValues);
    } catch (error) {
      expect(error).toBeInstanceOf(TooManyValues);
    }
    expect(threadCpuMs() - began).toBeLessThan(1_000);
  });
});

test.each([
  '{"b":1,"a":{"__proto__":[1.10,-0,1e400,12345678901234567890]},"":null}',
  '[true,false,null,"<&>\u2028é😀",[],{},"\\"\\\\\\n\\u0001\\ud800"]',
  '"text"',
])("what is written is the text that was read: %s", (text) => {
  expect(exactJson(parse(text)!)).toBe(text);
});
