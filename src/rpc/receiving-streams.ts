import type { Clock } from "../shared/clock.js";

/** What of an HTTP/2 stream this needs: when its request is whole, when its answer has left, and when it is over. */
export interface ReceivedStream {
  readonly destroyed: boolean;
  once(event: "end" | "finish" | "close", listener: () => void): unknown;
}

/** A request normally arrives in a moment; a slow one may go on, but no longer blocks others. */
const receivedMs = 1_000;

/**
 * Bounds how many requests are received at once: grpc-js gathers each whole in memory before its handler runs, and 250
 * pods' requests may come together. The others wait in their flow-control windows (64 KiB each), in the order they came.
 */
export class ReceivingStreams {
  readonly #most: number;
  readonly #clock: Clock;
  readonly #waiting = new Map<ReceivedStream, () => void>();
  #receiving = 0;

  constructor(most: number, clock: Clock) {
    this.#most = most;
    this.#clock = clock;
  }

  /** Calls `begin`, which reads the stream, when there is room for its request; never for a stream that is gone by then. */
  admit(stream: ReceivedStream, begin: () => void): void {
    this.#waiting.set(stream, begin);
    stream.once("close", () => void this.#waiting.delete(stream));
    this.#beginNext();
  }

  #beginNext(): void {
    for (const [stream, begin] of this.#waiting) {
      if (this.#receiving >= this.#most) return;
      this.#waiting.delete(stream);
      if (stream.destroyed) continue;
      this.#receiving += 1;
      this.#untilReceived(stream);
      begin();
    }
  }

  #untilReceived(stream: ReceivedStream): void {
    let isOver = false;
    const over = () => {
      if (isOver) return;
      isOver = true;
      timer.close();
      this.#receiving -= 1;
      this.#beginNext();
    };
    const timer = this.#clock.timer(receivedMs, over);
    for (const event of ["end", "finish", "close"] as const) stream.once(event, over);
  }
}
