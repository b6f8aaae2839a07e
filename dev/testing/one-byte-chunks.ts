/** A body in HTTP's chunked coding, a chunk for each byte; made in one piece, so that it costs the sender nothing. */
export function oneByteChunks(body: Buffer): Buffer {
  const chunks = Buffer.alloc(body.length * 6, "1\r\n.\r\n");
  for (let at = 0; at < body.length; at += 1) chunks[at * 6 + 3] = body[at]!;
  return Buffer.concat([chunks, Buffer.from("0\r\n\r\n")]);
}
