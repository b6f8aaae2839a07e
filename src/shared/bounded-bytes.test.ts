import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { BoundedBytes } from "./bounded-bytes.js";

test("returns the bytes received, in any pieces, and starts over", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)));
  fc.assert(
    fc.property(pieces, pieces, (first, second) => {
      const bytes = new BoundedBytes(1 << 20);
      for (const whole of [first, second]) {
        expect(whole.map((piece) => bytes.add(piece)).filter(Boolean)).toEqual([]);
        expect(bytes.take().equals(Buffer.concat(whole))).toBe(true);
      }
    }),
  );
});

test("keeps what it has taken, whatever becomes of the sender's piece, and of what was taken before", () => {
  const piece = Buffer.from("abcdef");
  const bytes = new BoundedBytes(100);
  bytes.add(piece.subarray(0, 2));
  piece.fill("-", 0, 2);
  bytes.add(Buffer.from("XY"));
  const taken = bytes.take();
  bytes.add(Buffer.from("12"));
  bytes.add(Buffer.from("34"));
  expect([piece, taken, bytes.take()].map(String)).toEqual(["--cdef", "abXY", "1234"]);
});

test("has room at once for what is announced, and never for more than may be had", () => {
  const allocated = vi.spyOn(Buffer, "allocUnsafeSlow");
  const bytes = new BoundedBytes(1_000);
  for (const announced of [300, 200, 100, 0]) expect(bytes.add(Buffer.alloc(100), announced)).toBeUndefined();
  bytes.add(Buffer.alloc(100), 5_000);
  expect(allocated.mock.calls).toEqual([[400], [1_000]]);
  expect(bytes.take()).toHaveLength(500);
  allocated.mockRestore();
});

describe("what is refused", () => {
  test("is one byte more than may be had, and no allocation before it", () => {
    const bytes = new BoundedBytes(10);
    expect([bytes.add(Buffer.alloc(10)), bytes.add(Buffer.alloc(1))]).toEqual([undefined, "too large"]);
    expect(bytes.take()).toHaveLength(0);
  });

  test("is what comes in crumbs, and little is copied until then", () => {
    const allocated = vi.spyOn(Buffer, "allocUnsafeSlow");
    const bytes = new BoundedBytes(4 << 20);
    let pieces = 0;
    while (bytes.add(Buffer.of(1)) === undefined) pieces += 1;
    expect(pieces).toBe(4_096);
    expect(allocated.mock.calls.reduce((sum, [size]) => sum + size, 0)).toBeLessThan(20_000);
    allocated.mockRestore();
  });

  test("is not what comes in the packets of a network, however much it is", () => {
    const bytes = new BoundedBytes(8 << 20);
    const packets = Array.from({ length: 100_000 }, () => Buffer.alloc(70));
    expect(packets.filter((packet) => bytes.add(packet) !== undefined)).toEqual([]);
  });
});
