import fc from "fast-check";

/** A change to a text or to bytes; where it strikes is a share of their length, so that it fits any. */
interface Mutation<Piece> {
  kind: "insert" | "remove" | "replace" | "double" | "cut";
  at: number;
  length: number;
  piece: Piece;
}

function mutations<Piece>(pieces: fc.Arbitrary<Piece>): fc.Arbitrary<Mutation<Piece>[]> {
  const mutation = fc.record({
    kind: fc.constantFrom(
      ...(["insert", "insert", "remove", "replace", "replace", "double", "cut"] satisfies Mutation<Piece>["kind"][]),
    ),
    at: fc.nat(9_999),
    length: fc.nat(24),
    piece: pieces,
  });
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant<Mutation<Piece>[]>([]) },
    { weight: 3, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 4 }) },
  );
}

const punctuation = [
  ..."[]{}()<>,:;=-?&*!|'\"#%@`~/\\$+. \t\n\r0129aZ_",
  "\u0000",
  "\ufeff",
  "\u2028",
  "\ud800",
  "é",
  "\n  ",
];
const texts = mutations(fc.oneof(fc.constantFrom(...punctuation), fc.string({ maxLength: 4 })));
const bytes = mutations(fc.uint8Array({ maxLength: 8 }));

/** What is drawn, some of it damaged a little. */
export function damagedText(source: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(source, texts).map(([text, changes]) => changes.reduce(mutateText, text));
}

export function damagedBytes(source: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc.tuple(source, bytes).map(([whole, changes]) => changes.reduce(mutateBytes, whole));
}

function mutateText(text: string, { kind, at, length, piece }: Mutation<string>): string {
  const [before, hit, after] = cutOut(text, at, length);
  return {
    insert: before + piece + hit + after,
    remove: before + after,
    replace: before + piece + after,
    double: before + hit + hit + after,
    cut: before,
  }[kind];
}

function mutateBytes(whole: Buffer, { kind, at, length, piece }: Mutation<Uint8Array>): Buffer {
  const [before, hit, after] = cutOut(whole, at, length);
  const parts = {
    insert: [before, piece, hit, after],
    remove: [before, after],
    replace: [before, piece, after],
    double: [before, hit, hit, after],
    cut: [before],
  };
  return Buffer.concat(parts[kind]);
}

function cutOut<T extends string | Buffer>(whole: T, at: number, length: number): [T, T, T] {
  const from = Math.floor((at / 10_000) * (whole.length + 1));
  const slice = (start: number, end?: number) =>
    (typeof whole === "string" ? whole.slice(start, end) : whole.subarray(start, end)) as T;
  return [slice(0, from), slice(from, from + length), slice(from + length)];
}

export function rawBytes(maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength }).map((raw) => Buffer.from(raw));
}
