import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { AuthorityRewriter } from "./authority-rewriter.js";
import { HpackDecoder } from "../../dev/testing/hpack-decoder.js";
import { clientPreface, flag, frame, frameHeaderLength, frameType, readFrameHeader } from "./http2-frames.js";

const recorded = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const rewritten = (rewriter: AuthorityRewriter, bytes: Buffer, size: number) =>
  Buffer.concat(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
      rewriter.push(Buffer.from(bytes.subarray(n * size, (n + 1) * size))),
    ).flat(),
  );

function opening(block: Buffer, flags: number = flag.endHeaders): Buffer {
  return Buffer.concat([clientPreface, frame(frameType.headers, flags, 1, block)]);
}

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

test("of what 1.5.6 sends only the authority's slashes change, on every stream", () => {
  const bytes = recorded("driver-1.5.6.client.bin");
  const [sent, got] = [framesOf(bytes), framesOf(rewritten(new AuthorityRewriter(), bytes, 1_000_000))];
  const isBlock = ({ type }: { type: number }) => type === frameType.headers;
  expect(got.filter((frame) => !isBlock(frame))).toEqual(sent.filter((frame) => !isBlock(frame)));
  const fieldsOf = (frames: typeof sent) => {
    const decoder = new HpackDecoder({ tableSize: 4_096, listSize: 65_535 });
    return frames.filter(isBlock).map(({ payload }) => decoder.decode(payload));
  };
  const path = "/etc/kubernetes/secrets-store-csi-providers/vault.sock";
  const isAuthority = ({ name }: { name: string }) => name === ":authority";
  expect(fieldsOf(sent).map((fields) => fields.find(isAuthority)?.value)).toEqual(Array(5).fill(path));
  expect(fieldsOf(got)).toEqual(
    fieldsOf(sent).map((fields) =>
      fields.map((field) => (isAuthority(field) ? { ...field, value: path.replaceAll("/", "-") } : field)),
    ),
  );
});

test.each([1, 7, 100])("how what 1.5.6 sends is cut, into pieces of %i, does not matter", (size) => {
  const bytes = recorded("driver-1.5.6.client.bin");
  const whole = rewritten(new AuthorityRewriter(), bytes, 1_000_000);
  expect(rewritten(new AuthorityRewriter(), bytes, size).equals(whole)).toBe(true);
});

test.each<[string, Buffer]>([
  ["no preface", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
  ["a header block cut short", opening(Buffer.from([0x41, 0xff, 0xff, 0xff]))],
  ["an endless number", opening(Buffer.alloc(16_000, 0xff))],
  ["a path longer than its block", opening(Buffer.from([0x41, 0x05, 0x2f, 0x2f]))],
  ["padding longer than its frame", opening(Buffer.from([200, 0x41, 0x01, 0x2f]), flag.endHeaders | flag.padded)],
  ["a frame larger than allowed", opening(Buffer.concat([Buffer.from([0x41, 0x01, 0x2f]), Buffer.alloc(20_000)]))],
])("%s passes as it came, for Node to refuse", (_name, bytes) => {
  expect(rewritten(new AuthorityRewriter(), bytes, 1_000_000).equals(bytes)).toBe(true);
});
