/** What of an HTTP/2 stream this needs: when its request is whole, and when it is over. */
export interface ReceivedStream {
  once(event: "end" | "close", listener: () => void): unknown;
}

/**
 * Bounds how many requests are received at once: grpc-js gathers each whole in memory before anybody looks at it, and 250
 * pods' requests may come together. The others wait in their flow-control windows (64 KiB each), in the order they came.
 */
export class ReceivingStreams {
  readonly #most: number;
  readonly #waiting = new Map<ReceivedStream, () => void>();
  #receiving = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Calls `begin`, which reads the stream, when there is room for its request; never for a stream that has closed. */
  admit(stream: ReceivedStream, begin: () => void): void {
    let isOver = false;
    const over = () => {
      if (isOver) return;
      isOver = true;
      if (!this.#waiting.delete(stream)) this.#receiving -= 1;
      this.#beginNext();
    };
    stream.once("end", over);
    stream.once("close", over);
    this.#waiting.set(stream, begin);
    this.#beginNext();
  }

  #beginNext(): void {
    for (const [stream, begin] of this.#waiting) {
      if (this.#receiving >= this.#most) return;
      this.#waiting.delete(stream);
      this.#receiving += 1;
      begin();
    }
  }
}
