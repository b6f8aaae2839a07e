import fc from "fast-check";
import { encodeHeaders } from "../dev/testing/hpack-encoder.js";
import { clientPreface, frame, frameType } from "../src/rpc/http2-frames.js";
import { MountRequest } from "../src/wire/provider.js";
import { damagedBytes, rawBytes } from "./mutations.js";
import { oddText } from "./parameters.js";

const field = (name: string, value: string) => ({ name, value, neverIndexed: false });

/** What a call of a driver before 1.6.0 begins with. */
const call = [
  field(":method", "POST"),
  field(":scheme", "http"),
  field(":path", "/v1alpha1.CSIDriverProvider/Mount"),
  field(":authority", "/etc/kubernetes/secrets-store-csi-providers/vault.sock"),
  field("content-type", "application/grpc"),
  field("te", "trailers"),
];

const oddNames = [...call.map(({ name }) => name), "host", "grpc-timeout", "grpc-encoding", "connection", "X"];
const oddValues = [...call.map(({ value }) => value), "localhost", "1n", "gzip", "", "é", "a\r\nb"];
const oddField = fc
  .tuple(
    fc.oneof(fc.constantFrom(...oddNames), fc.string({ maxLength: 5 })),
    fc.oneof(fc.constantFrom(...oddValues), fc.string({ maxLength: 12 })),
  )
  .map(([name, value]) => field(name, value));

/** What grpc-js answers by itself. */
const telling = fc.constantFrom(
  field("grpc-timeout", "1n"),
  field("grpc-timeout", "0S"),
  field("grpc-timeout", "99999999H"),
  field("grpc-encoding", "gzip"),
  field("grpc-encoding", "snappy"),
  field("content-type", "application/grpc+json"),
  field(":path", "/v1alpha1.CSIDriverProvider/Version"),
  field(":path", "/v1alpha1.CSIDriverProvider/None"),
);

const block = damagedBytes(
  fc.oneof(
    { weight: 3, arbitrary: fc.array(telling, { maxLength: 1 }).map((odd) => encodeHeaders([...call, ...odd])) },
    { weight: 1, arbitrary: fc.array(oddField, { maxLength: 2 }).map((odd) => encodeHeaders([...call, ...odd])) },
    { weight: 1, arbitrary: fc.array(oddField, { maxLength: 8 }).map(encodeHeaders) },
    { weight: 1, arbitrary: rawBytes(60) },
  ),
);

/** A MountRequest behind gRPC's five bytes. */
const message = damagedBytes(
  fc.record({ attributes: oddText, secrets: oddText, targetPath: oddText, permission: oddText }).map((request) => {
    const bytes = MountRequest.encode({ ...request, currentObjectVersion: [] }).finish();
    return withPrefix(bytes, bytes.length);
  }),
);

export function withPrefix(bytes: Uint8Array, length: number): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** More than a server takes. */
const tooLarge = fc.constantFrom(5 << 20, 0xffff_ffff).map((length) => withPrefix(Buffer.from("x"), length));

const stream = fc.constantFrom(1, 1, 1, 3, 5, 0, 2, 0x7fff_ffff);
const frames = (type: fc.Arbitrary<number>, flags: fc.Arbitrary<number>, payload: fc.Arbitrary<Buffer>) =>
  fc.tuple(type, flags, stream, payload).map((parts) => frame(...parts));
const anyFrame = fc.oneof(
  frames(fc.constant(frameType.headers), fc.constantFrom(0x4, 0x5, 0x0, 0x24, 0xc), block),
  frames(fc.constant(0), fc.constantFrom(0x0, 0x1, 0x1, 0x8), fc.oneof({ weight: 5, arbitrary: message }, tooLarge)),
  frames(fc.constant(frameType.continuation), fc.constantFrom(0x0, 0x4), block),
  frames(fc.nat(12), fc.nat(255), rawBytes(16)),
);
const settings = frame(4, 0, 0, Buffer.alloc(0));

/** A client that changes its mind: a call, of it as much as there was, and its reset, or a goodbye, in one piece. */
const takenBack = fc
  .record({
    stream: fc.constantFrom(1, 3, 5),
    odd: fc.array(fc.oneof(telling, oddField), { maxLength: 2 }),
    flags: fc.constantFrom(0x4, 0x5),
    sent: fc.option(message, { nil: undefined }),
    end: fc.constantFrom(0x0, 0x1),
    code: fc.constantFrom(0, 1, 2, 7, 8, 0xffff_ffff),
    last: fc.constantFrom(frameType.reset, frameType.reset, 0x7),
  })
  .map(({ stream, odd, flags, sent, end, code, last }) => {
    const why = Buffer.alloc(last === frameType.reset ? 4 : 8);
    why.writeUInt32BE(code, why.length - 4);
    return Buffer.concat([
      frame(frameType.headers, flags, stream, encodeHeaders(withFields(odd))),
      ...(sent ? [frame(0, end, stream, sent)] : []),
      frame(last, 0, last === frameType.reset ? stream : 0, why),
    ]);
  });

/** The same frame over and over: resets, settings, pings, priorities, fragments and messages of nothing. */
const flood = fc
  .record({ type: fc.constantFrom(0, 2, 4, 6, 8, 9), size: fc.constantFrom(0, 4, 5, 6, 8), count: fc.nat(2_000) })
  .map(({ type, size, count }) => {
    const one = frame(type, 0, [4, 6].includes(type) ? 0 : 1, Buffer.alloc(size));
    return Buffer.concat([
      frame(frameType.headers, type === frameType.continuation ? 0 : 0x4, 1, encodeHeaders(call)),
      ...Array.from({ length: count }, () => one),
    ]);
  });

/** A call's fields, of which these replace those of the same name. */
function withFields(changed: ReturnType<typeof field>[]) {
  return [...call.filter(({ name }) => !changed.some((one) => one.name === name)), ...changed];
}

const anyFrames = fc.oneof(
  { weight: 8, arbitrary: anyFrame },
  { weight: 4, arbitrary: takenBack },
  { weight: 1, arbitrary: flood },
);

/** One call, whole, with further headers and this for its message. */
export function callWith(headers: Record<string, string>, sent: Buffer): Buffer {
  const fields = Object.entries(headers).map(([name, value]) => field(name, value));
  const begin = frame(frameType.headers, 0x4, 1, encodeHeaders([...call, ...fields]));
  return Buffer.concat([clientPreface, settings, begin, frame(0, 0x1, 1, sent)]);
}

/** A call with these headers that its client resets in the same packet. */
export function callTakenBack(headers: Record<string, string>): Buffer {
  const changed = Object.entries(headers).map(([name, value]) => field(name, value));
  const begin = frame(frameType.headers, 0x4, 1, encodeHeaders(withFields(changed)));
  return Buffer.concat([clientPreface, settings, begin, frame(frameType.reset, 0, 1, Buffer.alloc(4))]);
}

/** A connection's beginning and some frames, whole and damaged ones. */
export const http2Traffic: fc.Arbitrary<Buffer> = damagedBytes(
  fc.array(anyFrames, { maxLength: 8 }).map((list) => Buffer.concat([clientPreface, settings, ...list])),
);
