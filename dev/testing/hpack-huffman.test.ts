import { expect, test } from "vitest";
import { decodeHuffman } from "./hpack-huffman.js";

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

test.each([
  ["f1e3 c2e5 f23a 6ba0 ab90 f4ff", "www.example.com"],
  ["9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3", "https://www.example.com"],
  ["", ""],
])("reads %s", (coded, text) => {
  expect(decodeHuffman(bytes(coded))).toBe(text);
});

// RFC 7541 appendix B, each code padded with ones.
test.each([
  ["5 bits", "07", "0"],
  ["6 bits", "53", " "],
  ["7 bits", "b9", ":"],
  ["8 bits", "f8", "&"],
  ["10 bits", "fe3f", "!"],
  ["13 bits, the first", "ffc7", "\u0000"],
  ["28 bits", "ffffffef", "\u00f9"],
  ["30 bits, the last of them", "fffffffb", "\u0016"],
])("reads a code of %s", (_bits, coded, text) => {
  expect(decodeHuffman(bytes(coded))).toBe(text);
});

test.each([
  ["the end-of-string mark", "ffffffff"],
  ["padding of a whole byte", "07ff"],
  ["padding of zeros", "00 00"],
])("refuses %s", (_what, coded) => {
  expect(decodeHuffman(bytes(coded))).toBeUndefined();
});
