/** How many bits each byte's code has, and at last the end-of-string mark's (RFC 7541 appendix B). */
const codeLengths = `
13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28
6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10
13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6
15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28
20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24
22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23
26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27
20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26
30
`
  .trim()
  .split(/\s+/)
  .map(Number);

const longest = 30;
const endOfString = 256;

/** The code is canonical (RFC 7541 §5.2 and appendix B): within a length codes count up, and so its lengths say it all. */
const symbols = codeLengths.map((_, symbol) => symbol).sort((a, b) => codeLengths[a]! - codeLengths[b]! || a - b);

interface Row {
  /** The first code of this length, and the place of its symbol in `symbols`. */
  firstCode: number;
  firstPlace: number;
  count: number;
}

const rows: readonly Row[] = (() => {
  const made: Row[] = [{ firstCode: 0, firstPlace: 0, count: 0 }];
  for (let length = 1; length <= longest; length += 1) {
    const before = made[length - 1]!;
    made.push({
      firstCode: (before.firstCode + before.count) * 2,
      firstPlace: before.firstPlace + before.count,
      count: codeLengths.filter((other) => other === length).length,
    });
  }
  return made;
})();

/** The text behind a Huffman-coded string, one character per byte; `undefined` where the coding is not as RFC 7541 §5.2 says. */
export function decodeHuffman(coded: Uint8Array): string | undefined {
  const text: number[] = [];
  let code = 0;
  let length = 0;
  for (const byte of coded) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      code = code * 2 + ((byte >> bit) & 1);
      length += 1;
      const row = rows[length]!;
      if (code - row.firstCode >= row.count) continue;
      const symbol = symbols[row.firstPlace + code - row.firstCode]!;
      if (symbol === endOfString) return undefined;
      text.push(symbol);
      code = 0;
      length = 0;
    }
  }
  const padded = length < 8 && code === 2 ** length - 1;
  return padded ? Buffer.from(text).toString("latin1") : undefined;
}
