import { connect } from "node:http2";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { HpackDecoder } from "../../dev/testing/hpack-decoder.js";
import { encodeHeaders } from "../../dev/testing/hpack-encoder.js";
import { replaceSlashesInAuthority } from "./hpack-authority.js";
import { clientPreface, frameHeaderLength, frameType, readFrameHeader } from "./http2-frames.js";

const decoded = (block: Buffer) => new HpackDecoder({ tableSize: 4_096, listSize: 65_535 }).decode(block);
const authorityOf = (block: Buffer) => decoded(block).find(({ name }) => name === ":authority")?.value;

/** The header block that Node's own client writes: Huffman-coded where that is shorter. */
async function writtenByNode(authority: string): Promise<Buffer> {
  let sent = Buffer.alloc(0);
  const connection = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => ((sent = Buffer.concat([sent, chunk])), done()),
  });
  const session = connect("http://localhost", { createConnection: () => connection });
  session.on("error", () => {});
  session.request({ ":authority": authority, ":path": "/a/b", "x-path": "/c/d" }).on("error", () => {});
  for (;;) {
    await new Promise(setImmediate);
    for (let at = clientPreface.length; at + frameHeaderLength < sent.length; ) {
      const { type, length } = readFrameHeader(sent.subarray(at));
      const end = at + frameHeaderLength + length;
      if (type === frameType.headers && end <= sent.length) {
        session.destroy();
        return Buffer.from(sent.subarray(at + frameHeaderLength, end));
      }
      at = end;
    }
  }
}

const codedCharacters = Array.from({ length: 95 }, (_, n) => String.fromCharCode(32 + n)).filter((one) => one !== "\\");
const path = fc
  .array(fc.oneof(fc.constant("/"), fc.constantFrom(...codedCharacters)), { maxLength: 60 })
  .map((characters) => `/${characters.join("").trim()}`);

test("only the slashes of the authority change, however they are coded", async () => {
  await fc.assert(
    fc.asyncProperty(path, async (authority) => {
      const dashed = authority.replaceAll("/", "-");
      const field = { name: ":authority", value: authority, neverIndexed: false };
      for (const block of [await writtenByNode(authority), encodeHeaders([field])]) {
        const before = decoded(block);
        expect(authorityOf(block)).toBe(authority);
        expect(replaceSlashesInAuthority(block)).toBe(authority.split("/").length - 1);
        expect(decoded(block)).toEqual(
          before.map((one) => (one.name === ":authority" ? { ...one, value: dashed } : one)),
        );
      }
    }),
    { numRuns: 200 },
  );
});

test("any other bytes are read to their end, and at most dashes for slashes are written", () => {
  const bits = (bytes: Buffer) =>
    [...bytes].reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const block = Buffer.from(bytes);
      const replaced = replaceSlashesInAuthority(block);
      const changed = Buffer.from(bytes.map((byte, at) => byte ^ block[at]!));
      // One bit of each byte differs, or three of each code.
      expect(bits(changed)).toBeGreaterThanOrEqual(replaced);
      expect(bits(changed)).toBeLessThanOrEqual(3 * replaced);
    }),
    { numRuns: 2_000 },
  );
});

test.each([1, 5, 146, 147, 5_000])("a number of %i bytes is read to its end", (bytes) => {
  const block = Buffer.from([0x41, 0x7f, ...Array<number>(bytes).fill(0x80), 0x00, 0x2f]);
  expect(replaceSlashesInAuthority(block)).toBe(0);
});
