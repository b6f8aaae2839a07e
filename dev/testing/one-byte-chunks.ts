/** A body in HTTP's chunked coding, a chunk for each byte; made in one piece, so that it costs the sender nothing. */
export function oneByteChunks(body: Buffer): Buffer {
  const chunks = Buffer.alloc(body.length * 6);
  for (const [at, byte] of body.entries()) {
    chunks.write("1\r\n", at * 6, "latin1");
    chunks[at * 6 + 3] = byte;
    chunks.write("\r\n", at * 6 + 4, "latin1");
  }
  return Buffer.concat([chunks, Buffer.from("0\r\n\r\n")]);
}
