import http from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestServer, serveRaw } from "../../dev/testing/http-server.js";
import { type HttpAnswer, ResponseFault, ResponseReader } from "./response-reader.js";

const maxBytes = 1_000;
const ok = "HTTP/1.1 200 OK\r\n";
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;

interface Read {
  answer: HttpAnswer | "more";
  idleMs: number;
}

/** Reads the pieces, and the end of the connection where it is meant to come. */
function read(pieces: readonly Buffer[], ends = false): Read {
  const reader = new ResponseReader(maxBytes);
  const whole = pieces.map((piece) => reader.add(piece)).includes(true) || (ends && reader.end());
  return { answer: whole ? reader.take() : "more", idleMs: reader.idleMs };
}

const readText = (text: string, ends = false) => read([Buffer.from(text, "latin1")], ends);

describe("an answer", () => {
  test.each<[string, string, string, number]>([
    ["with a length", `${ok}Content-Length: 5\r\n\r\nabcde`, "abcde", Infinity],
    ["of no bytes", `${ok}Content-Length: 0\r\n\r\n`, "", Infinity],
    ["of any status", "HTTP/1.1 599 \r\nContent-Length: 1\r\n\r\nx", "x", Infinity],
    ["without a reason", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "x", Infinity],
    ["without content", "HTTP/1.1 204 No Content\r\n\r\n", "", Infinity],
    ["without content, though it says a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "", 0],
    ["without content, though it says chunks", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "", 0],
    ["without content, and says so", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "", Infinity],
    ["in chunks", `${chunked}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`, "abcde", Infinity],
    ["in chunks, with extensions", `${chunked}3 ;a=b\r\nabc\r\n000\r\n\r\n`, "abc", Infinity],
    ["in chunks, with trailers", `${chunked}3\r\nabc\r\n0\r\nA: b\r\n\r\n`, "abc", Infinity],
    [
      "in chunks, whatever the case",
      `${ok}transfer-encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n`,
      "0123456789",
      Infinity,
    ],
    [
      "after interim answers",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n${ok}Content-Length: 1\r\n\r\nx`,
      "x",
      Infinity,
    ],
    ["that is the last", `${ok}Content-Length: 1\r\nConnection: keep-alive, Close\r\n\r\nx`, "x", 0],
    ["of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", 0],
    ["with more behind it", `${ok}Content-Length: 1\r\n\r\nxy`, "x", 0],
    [
      "that says how long the connection lasts",
      `${ok}Content-Length: 1\r\nKeep-Alive: timeout=5, max=9\r\n\r\nx`,
      "x",
      5_000,
    ],
    ["in an encoding that is none", `${ok}Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx`, "x", Infinity],
  ])("%s", (_name, text, body, idleMs) => {
    const { answer, idleMs: idles } = readText(text);
    expect(answer).toMatchObject({ body: Buffer.from(body) });
    expect(idles).toBe(idleMs);
  });

  test("without a length ends with the connection", () => {
    expect(readText(`${ok}\r\nabc`)).toMatchObject({ answer: "more" });
    expect(readText(`${ok}\r\nabc`, true)).toMatchObject({ answer: { body: Buffer.from("abc") }, idleMs: 0 });
  });

  test.each([
    ["in its head", ok],
    ["in its body", `${ok}Content-Length: 5\r\n\r\nabc`],
    ["in a chunk", `${chunked}5\r\nabc`],
    ["before the last chunk", `${chunked}3\r\nabc\r\n`],
    ["in its trailers", `${chunked}0\r\nA: b\r\n`],
  ])("that breaks off %s is none", (_name, text) => {
    expect(readText(text, true).answer).toBe("more");
  });

  test("has headers by their names in lower case, without the space around their values", () => {
    const { answer } = readText(`${ok}Content-Length:0\r\nA:  b c\t\r\na: d\r\nE: \xe9\r\n__proto__: x\r\n\r\n`);
    expect(Object.entries((answer as HttpAnswer).headers)).toEqual([
      ["content-length", "0"],
      ["a", "b c, d"],
      ["e", "\xe9"],
      ["__proto__", "x"],
    ]);
  });
});

describe("no answer", () => {
  const header = (line: string) => `${ok}${line}\r\nContent-Length: 0\r\n\r\n`;
  test.each<[string, string, string]>([
    ["another protocol", "SSH-2.0-OpenSSH\r\n", "NOT_HTTP"],
    ["another protocol, at its first bytes", "\x15\x03\x01", "NOT_HTTP"],
    ["another version", "HTTP/2 200\r\n", "NOT_HTTP"],
    ["a status of two digits", "HTTP/1.1 20\r\n\r\n", "NOT_HTTP"],
    ["a status of four digits", "HTTP/1.1 2000\r\n\r\n", "NOT_HTTP"],
    ["a change of the protocol", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "NOT_HTTP"],
    ["a bare line feed", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "NOT_HTTP"],
    ["a folded line", header("A: b\r\n c"), "NOT_HTTP"],
    ["a header without a colon", header("A"), "NOT_HTTP"],
    ["a header without a name", header(": b"), "NOT_HTTP"],
    ["a space before the colon", header("A : b"), "NOT_HTTP"],
    ["a control character", header("A: \x00"), "NOT_HTTP"],
    ["a carriage return in a line", header("A: b\rC: d"), "NOT_HTTP"],
    ["a carriage return before a line's end", header("A: b\r"), "NOT_HTTP"],
    ["a carriage return in the reason", "HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n", "NOT_HTTP"],
    ["a carriage return in a chunk's extension", `${chunked}1;a\rb\r\nx\r\n0\r\n\r\n`, "NOT_HTTP"],
    ["a carriage return in a trailer", `${chunked}0\r\nA: b\rc\r\n\r\n`, "NOT_HTTP"],
    ["a trailer without a colon", `${chunked}0\r\nA\r\n\r\n`, "NOT_HTTP"],
    ["a length behind a vertical tab", `${ok}Content-Length:\v0\r\n\r\n`, "NOT_HTTP"],
    ["a length before a no-break space", `${ok}Content-Length: 0\xa0\r\n\r\n`, "NOT_HTTP"],
    ["chunks behind a vertical tab", `${ok}Transfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n`, "NOT_HTTP"],
    ["chunks before a form feed", `${ok}Transfer-Encoding: chunked\f\r\n\r\n0\r\n\r\n`, "NOT_HTTP"],
    ["two lengths", header("Content-Length: 1"), "NOT_HTTP"],
    ["a length that is no number", `${ok}Content-Length: +1\r\n\r\n`, "NOT_HTTP"],
    ["a length of many digits", `${ok}Content-Length: ${"9".repeat(30)}\r\n\r\n`, "NOT_HTTP"],
    ["a length and chunks", header("Transfer-Encoding: chunked"), "NOT_HTTP"],
    ["another coding", `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`, "NOT_HTTP"],
    ["chunks of HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "NOT_HTTP"],
    ["a chunk without a size", `${chunked}\r\n`, "NOT_HTTP"],
    ["a size that is no number", `${chunked}0x1\r\n`, "NOT_HTTP"],
    ["a chunk that goes on", `${chunked}1\r\nab\r\n`, "NOT_HTTP"],
    ["an encoded body", header("Content-Encoding: gzip"), "ENCODED_BODY"],
    ["a body that says it is too long", `${ok}Content-Length: 1001\r\n\r\n`, "BODY_TOO_LARGE"],
    ["a chunk that says it is too long", `${chunked}3e9\r\n`, "BODY_TOO_LARGE"],
    ["chunks that are too long together", `${chunked}3e8\r\n${"x".repeat(1_000)}\r\n1\r\n`, "BODY_TOO_LARGE"],
    ["a body of no length that is too long", `${ok}\r\n${"x".repeat(1_001)}`, "BODY_TOO_LARGE"],
    ["a head that is too long", `${ok}A: ${"x".repeat(16_400)}`, "HEAD_TOO_LARGE"],
    ["too many headers", `${ok}${"A: b\r\n".repeat(257)}`, "HEAD_TOO_LARGE"],
    ["trailers that are too long", `${chunked}0\r\nA: ${"x".repeat(16_400)}`, "HEAD_TOO_LARGE"],
    ["a chunk line that is too long", `${chunked}1;${"x".repeat(300)}`, "HEAD_TOO_LARGE"],
    ["nine interim answers", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(9), "TOO_MANY_INTERIM_ANSWERS"],
  ])("is %s", (_name, text, code) => {
    const reading = () => readText(text, true);
    expect(reading).toThrow(ResponseFault);
    expect(reading).toThrow(code);
  });

  test("is a body of crumbs", () => {
    const reader = new ResponseReader(1 << 20);
    reader.add(Buffer.from(`${ok}Content-Length: 9999\r\n\r\n`));
    const feed = () => Array.from({ length: 9_999 }, () => reader.add(Buffer.from("x")));
    expect(feed).toThrow("BODY_IN_CRUMBS");
  });
});

/** Answers as servers write them, whole and damaged. */
const lines = fc.constantFrom(
  "HTTP/1.1 200 OK",
  "HTTP/1.1 404 Not Found",
  "HTTP/1.0 200 OK",
  "HTTP/1.1 204 No Content",
  "HTTP/1.1 103 Early Hints",
  "HTTP/1.1 1000",
  "HTTP/1.1 200",
  "Content-Length: 0",
  "Content-Length: 5",
  "content-length: 3",
  "Content-Length: 5, 5",
  "Content-Length: -1",
  "Transfer-Encoding: chunked",
  "transfer-encoding: Chunked",
  "Transfer-Encoding: gzip, chunked",
  "Connection: close",
  "Keep-Alive: timeout=5",
  "A: b",
  "A : b",
  " folded",
  "A: \x00",
  "Content-Length:\v5",
  "Transfer-Encoding: chunked\xa0",
  "A: b\r",
  "A",
  "",
  "",
  "",
  "5",
  "0",
  "3;x=y",
  "abc",
  "abcde",
  "5\r\nabcde\r\n0\r\n\r\n",
);
const damaged = fc
  .tuple(
    fc.constantFrom("HTTP/1.1 200 OK\r\n", ""),
    fc.array(lines, { maxLength: 12 }),
    fc.constantFrom("\r\n", "\n", ""),
  )
  .map(([start, some, end]) => start + some.join("\r\n") + end);
const written = fc.oneof(
  damaged,
  fc.string({ maxLength: 300 }).map((body) => `${ok}Content-Length: ${body.length}\r\n\r\n${body}`),
  fc
    .array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 9 })
    .map(
      (chunks) =>
        `${chunked}${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("")}0\r\n\r\n`,
    ),
);

function outcomeOf(reading: () => Read): unknown {
  try {
    return reading();
  } catch (reason) {
    return (reason as ResponseFault).code;
  }
}

describe("any bytes", () => {
  test("are the same in pieces of any size", () => {
    const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 8 });
    fc.assert(
      fc.property(written, cuts, (text, at) => {
        const bytes = Buffer.from(text, "latin1");
        const edges = [0, ...at.map((one) => Math.min(one, bytes.length)).sort((a, b) => a - b), bytes.length];
        const pieces = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
        const singly = Array.from(bytes, (_byte, index) => bytes.subarray(index, index + 1));
        const whole = outcomeOf(() => read([bytes], true));
        expect(outcomeOf(() => read(pieces, true))).toEqual(whole);
        expect(outcomeOf(() => read(singly, true))).toEqual(whole);
      }),
    );
  });

  describe("that are taken", () => {
    let server: TestServer;
    let text = "";
    beforeAll(async () => {
      server = await serveRaw((socket) => socket.once("data", () => socket.end(text, "latin1")));
    });
    afterAll(() => server.close());

    /** What Node's client makes of them; `undefined` where it refuses. */
    const byNode = () =>
      new Promise<{ status: number; body: string } | undefined>((resolve) => {
        const sent = http.get(server.origin, { agent: false }, (answer) => {
          const pieces: Buffer[] = [];
          answer.on("data", (piece: Buffer) => pieces.push(piece));
          answer.on("error", () => resolve(undefined));
          answer.on("end", () =>
            resolve(
              answer.complete
                ? { status: answer.statusCode ?? 0, body: Buffer.concat(pieces).toString("latin1") }
                : undefined,
            ),
          );
        });
        sent.on("error", () => resolve(undefined));
        sent.on("upgrade", (_answer, socket) => resolve(void socket.destroy()));
      });

    test("are understood as Node's own client understands them", async () => {
      await fc.assert(
        fc.asyncProperty(written, async (bytes) => {
          text = bytes;
          const own = outcomeOf(() => readText(bytes, true)) as Read | string;
          if (typeof own === "string" || own.answer === "more") return;
          const { status, body } = own.answer;
          const itsReading = await byNode();
          // It refuses an answer with more bytes behind it.
          if (itsReading) expect(itsReading).toEqual({ status, body: body.toString("latin1") });
          else expect(own.idleMs).toBe(0);
        }),
      );
    });
  });
});
