import { BoundedBytes } from "../shared/bounded-bytes.js";
import { mostInterimAnswers } from "../shared/interim-answers.js";

export interface HttpAnswer {
  status: number;
  /** By names in lower case; what came several times is joined by `, ` (RFC 9110 §5.3). */
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

export type ResponseFaultCode =
  | "NOT_HTTP"
  | "HEAD_TOO_LARGE"
  | "TOO_MANY_INTERIM_ANSWERS"
  | "ENCODED_BODY"
  | "BODY_TOO_LARGE"
  | "BODY_IN_CRUMBS";

/** Why bytes are no answer. Holds none of them. */
export class ResponseFault extends Error {
  override readonly name = "ResponseFault";
  readonly code: ResponseFaultCode;

  constructor(code: ResponseFaultCode) {
    super(code);
    this.code = code;
  }
}

/** Of an answer's head, and of its trailers. */
const mostHeadBytes = 16_384;
const mostHeaders = 256;
/** Of the line with a chunk's size, and what a server may add to it. */
const mostChunkLineBytes = 256;

type Part =
  | "status"
  | "headers"
  | "body"
  | "chunk size"
  | "chunk"
  | "chunk end"
  | "trailers"
  | "until the end"
  | "whole";

/**
 * Reads one HTTP/1.1 answer from the bytes of a socket, in pieces of any size (RFC 9112). Stricter than the standard allows:
 * what two readers may understand differently (a bare line feed, a folded line, two lengths, a length beside chunks) is
 * no answer. Costs what the bytes weigh; no IO.
 */
export class ResponseReader {
  readonly #maxBytes: number;
  readonly #body: BoundedBytes;
  #part: Part = "status";
  /** The beginning of a line whose end has not come. */
  #line = "";
  /** Bytes that lines may still have. */
  #lineBytesLeft = mostHeadBytes;
  /** Bytes of the body, or the current chunk, still to come. */
  #left = 0;
  #interim = 0;
  #status = 0;
  #headers: Record<string, string> = noHeaders();
  #headerCount = 0;
  #mayStay = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#body = new BoundedBytes(maxBytes);
  }

  /** Whether the answer's head is known, and its body under way or here. */
  get hasHead(): boolean {
    return this.#part !== "status" && this.#part !== "headers";
  }

  /** What the answer's body takes, as far as it is known: all of it where the head says so. */
  get bodyBytes(): number {
    return this.#body.length + (this.#part === "body" || this.#part === "chunk" ? this.#left : 0);
  }

  /** Milliseconds that the connection may idle once the answer is whole: 0 where it ends, `Infinity` where nothing is said. */
  get idleMs(): number {
    if (!this.#mayStay) return 0;
    const [, seconds] = /\btimeout=(\d{1,6})\b/i.exec(this.#headers["keep-alive"] ?? "") ?? [];
    return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1000;
  }

  /** Takes the next bytes; whether the answer is whole. Bytes after a whole answer end the connection. Throws `ResponseFault`. */
  add(piece: Buffer): boolean {
    let at = 0;
    while (at < piece.length && this.#part !== "whole") {
      at = this.#left > 0 ? this.#takeBody(piece, at) : this.#takeLine(piece, at);
    }
    if (at < piece.length) this.#mayStay = false;
    return this.#part === "whole";
  }

  /** The other end has closed; whether the answer is whole by that. */
  end(): boolean {
    if (this.#part === "until the end") this.#part = "whole";
    return this.#part === "whole";
  }

  /** The whole answer, once. */
  take(): HttpAnswer {
    return { status: this.#status, headers: this.#headers, body: this.#body.take() };
  }

  #takeBody(piece: Buffer, at: number): number {
    const bytes = piece.subarray(at, at + this.#left);
    const announced = this.#part === "until the end" ? 0 : this.#left - bytes.length;
    const refused = this.#body.add(bytes, announced);
    if (refused !== undefined) throw new ResponseFault(refused === "crumbs" ? "BODY_IN_CRUMBS" : "BODY_TOO_LARGE");
    this.#left -= bytes.length;
    if (this.#left === 0) this.#part = this.#part === "chunk" ? "chunk end" : "whole";
    return at + bytes.length;
  }

  #takeLine(piece: Buffer, at: number): number {
    const lineFeed = piece.indexOf(0x0a, at);
    const end = lineFeed < 0 ? piece.length : lineFeed + 1;
    this.#lineBytesLeft -= end - at;
    if (this.#lineBytesLeft < 0) throw new ResponseFault("HEAD_TOO_LARGE");
    this.#line += piece.toString("latin1", at, end);
    if (this.#part === "status" && !protocol.startsWith(this.#line.slice(0, protocol.length))) throw notHttp();
    if (lineFeed >= 0) {
      if (!this.#line.endsWith("\r\n")) throw notHttp();
      const line = this.#line.slice(0, -2);
      this.#line = "";
      this.#readLine(line);
    }
    return end;
  }

  #readLine(line: string): void {
    switch (this.#part) {
      case "status":
        return this.#readStatus(line);
      case "headers":
        return line === "" ? this.#readHead() : this.#readHeader(line);
      case "chunk size":
        return this.#readChunkSize(line);
      case "chunk end":
        if (line !== "") throw notHttp();
        return this.#expectChunk();
      default:
        if (line === "") this.#part = "whole";
        else fieldIn(line); // Trailers are checked, and of no use.
    }
  }

  #readStatus(line: string): void {
    const [, minor, status] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/.exec(line) ?? [];
    if (status === undefined) throw notHttp();
    this.#status = Number(status);
    this.#mayStay = minor === "1";
    this.#part = "headers";
  }

  #readHeader(line: string): void {
    if (++this.#headerCount > mostHeaders) throw new ResponseFault("HEAD_TOO_LARGE");
    const { name, value } = fieldIn(line);
    const before = this.#headers[name];
    this.#headers[name] = before === undefined ? value : `${before}, ${value}`;
  }

  #readHead(): void {
    if (this.#status < 200) return this.#skipInterim();
    const { connection = "", "content-encoding": encoding = "identity" } = this.#headers;
    const { "content-length": length, "transfer-encoding": coding } = this.#headers;
    // Encodings are never accepted, so an encoded answer would be garbage here, or a compression bomb for a decoder.
    if (encoding !== "identity") throw new ResponseFault("ENCODED_BODY");
    // An HTTP/1.0 server knows no chunks; `mayStay` still tells the version.
    if (coding !== undefined && (coding.toLowerCase() !== "chunked" || length !== undefined || !this.#mayStay))
      throw notHttp();
    if (/(?:^|,)[\t ]*close[\t ]*(?:,|$)/i.test(connection)) this.#mayStay = false;
    if (length !== undefined && !/^\d{1,15}$/.test(length)) throw notHttp();
    if (this.#status === 204 || this.#status === 304)
      this.#endWithoutContent(coding !== undefined || Number(length) > 0);
    else if (coding !== undefined) this.#expectChunk();
    else if (length !== undefined) this.#expect("body", Number(length));
    else this.#expectAllUntilTheEnd();
  }

  /** Where content is announced all the same, it may follow, and would be taken for the next answer. */
  #endWithoutContent(isAnnounced: boolean): void {
    this.#part = "whole";
    if (isAnnounced) this.#mayStay = false;
  }

  #skipInterim(): void {
    if (this.#status === 101) throw notHttp();
    if (++this.#interim > mostInterimAnswers) throw new ResponseFault("TOO_MANY_INTERIM_ANSWERS");
    this.#part = "status";
    this.#headers = noHeaders();
    this.#headerCount = 0;
    this.#lineBytesLeft = mostHeadBytes;
  }

  #readChunkSize(line: string): void {
    const [, size] = /^([\da-f]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i.exec(line) ?? [];
    if (size === undefined) throw notHttp();
    const bytes = Number.parseInt(size, 16);
    if (bytes > 0) return this.#expect("chunk", bytes);
    this.#part = "trailers";
    this.#lineBytesLeft = mostHeadBytes;
  }

  #expect(part: "body" | "chunk", bytes: number): void {
    this.#part = bytes === 0 ? "whole" : part;
    if (this.#body.length + bytes > this.#maxBytes) throw new ResponseFault("BODY_TOO_LARGE");
    this.#left = bytes;
    this.#lineBytesLeft = mostChunkLineBytes;
  }

  #expectChunk(): void {
    this.#part = "chunk size";
    this.#lineBytesLeft = mostChunkLineBytes;
  }

  #expectAllUntilTheEnd(): void {
    this.#part = "until the end";
    this.#left = Number.POSITIVE_INFINITY;
    this.#mayStay = false;
  }
}

const protocol = "HTTP/1.";
/** RFC 9110 §5.6.2 and §5.5. */
const isToken = /^[!#$%&'*+.^`|~\w-]+$/;
const isFieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** A header's name in lower case, and its value without the space around it. */
function fieldIn(line: string): { name: string; value: string } {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon).toLowerCase();
  const value = withoutSpace(line.slice(colon + 1));
  if (colon < 1 || !isToken.test(name) || !isFieldValue.test(value)) throw notHttp();
  return { name, value };
}

/** Without the spaces and tabs around it; `trim` would also drop control characters, and `Content-Length: \v5` be a length. */
function withoutSpace(text: string): string {
  const isSpace = (at: number) => text[at] === " " || text[at] === "\t";
  let start = 0;
  let end = text.length;
  while (isSpace(start)) start += 1;
  while (end > start && isSpace(end - 1)) end -= 1;
  return text.slice(start, end);
}

/** Without a prototype: a header may have any name. */
function noHeaders(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}

function notHttp(): ResponseFault {
  return new ResponseFault("NOT_HTTP");
}
