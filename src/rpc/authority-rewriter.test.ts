import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { AuthorityRewriter } from "./authority-rewriter.js";
import { HpackDecoder } from "./hpack-decoder.js";
import { frameHeaderLength, frameType, readFrameHeader } from "./http2-frames.js";

const recorded = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const rewritten = (rewriter: AuthorityRewriter, bytes: Buffer, size: number) =>
  Buffer.concat(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
      rewriter.push(bytes.subarray(n * size, (n + 1) * size)),
    ).flat(),
  );

/** The frames after the preface. */
function framesOf(bytes: Buffer) {
  const frames: { type: number; stream: number; payload: Buffer }[] = [];
  for (let at = 24; at < bytes.length; ) {
    const { type, stream, length } = readFrameHeader(bytes.subarray(at));
    frames.push({ type, stream, payload: bytes.subarray(at + frameHeaderLength, at + frameHeaderLength + length) });
    at += frameHeaderLength + length;
  }
  return frames;
}

test.each([1, 7, 100, 1_000_000])("what 1.6.0 sends passes byte for byte, in pieces of %i", (size) => {
  const bytes = recorded("driver-1.6.0.client.bin");
  expect(rewritten(new AuthorityRewriter(), bytes, size).equals(bytes)).toBe(true);
});

test("of what 1.5.6 sends only the authority changes, on every stream", () => {
  const bytes = recorded("driver-1.5.6.client.bin");
  const result = rewritten(new AuthorityRewriter(), bytes, 1_000_000);
  const isBlock = ({ type }: { type: number }) => type === frameType.headers;
  expect(framesOf(result).filter((frame) => !isBlock(frame))).toEqual(
    framesOf(bytes).filter((frame) => !isBlock(frame)),
  );

  const limits = { tableSize: 4_096, listSize: 65_535 };
  const [theirs, ours] = [new HpackDecoder(limits), new HpackDecoder({ ...limits, tableSize: 0 })];
  const sent = framesOf(bytes)
    .filter(isBlock)
    .map(({ payload }) => theirs.decode(payload));
  const got = framesOf(result)
    .filter(isBlock)
    .map(({ payload }) => ours.decode(payload));
  expect(sent.every((fields) => fields.some(({ name, value }) => name === ":authority" && value.includes("/")))).toBe(
    true,
  );
  expect(got).toEqual(
    sent.map((fields) =>
      fields.map((field) => (field.name === ":authority" ? { ...field, value: "localhost" } : field)),
    ),
  );
});

test.each([1, 7, 100])("how what 1.5.6 sends is cut, into pieces of %i, does not matter", (size) => {
  const bytes = recorded("driver-1.5.6.client.bin");
  const whole = rewritten(new AuthorityRewriter(), bytes, 1_000_000);
  expect(rewritten(new AuthorityRewriter(), bytes, size).equals(whole)).toBe(true);
});

test("nothing passes after what cannot be read", () => {
  const rewriter = new AuthorityRewriter();
  const bytes = recorded("driver-1.5.6.client.bin");
  const damaged = Buffer.concat([bytes.subarray(0, 24), Buffer.from([0, 0, 1, 1, 4, 0, 0, 0, 1, 0x80])]);
  rewriter.push(damaged);
  expect(rewriter.broken).toBe(true);
  expect(rewriter.push(bytes.subarray(24))).toEqual([]);
});
