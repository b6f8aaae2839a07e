import type { Clock } from "../shared/clock.js";
import { type PeekedStream, peekLength } from "./peek-length.js";

/** What of an HTTP/2 stream this needs: also when its request is whole, when its answer has left, and when it is over. */
export interface ReceivedStream extends PeekedStream {
  readonly destroyed: boolean;
  close(): void;
  once(event: "readable" | "end" | "finish" | "close", listener: () => void): unknown;
}

/** A request normally arrives in a moment; a slow one may go on, but no longer blocks others. */
const receivedMs = 1_000;

/** A message of this many bytes waits for no other: an ordinary class has a few KiB, and lies in its window in any case. */
const smallBytes = 16 * 1_024;

/**
 * Bounds how many requests are received at once: grpc-js gathers each whole in memory before its handler runs, and 250
 * pods' requests may come together. The others wait in the order they came, each with what its flow-control window (64 KiB)
 * and its stream's buffer hold, unless they are small: so a pod with an ordinary class does not wait for another's large ones.
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
    if (this.#receiving < this.#most) return this.#receive(stream, begin);
    const endPeek = peekLength(stream, (bytes) => {
      if (bytes <= smallBytes && this.#waiting.delete(stream)) begin();
    });
    this.#waiting.set(stream, () => endPeek(begin));
    stream.once("close", () => void this.#waiting.delete(stream));
    // To look for its length has made it end, which nobody can see any more: gRPC has no request without a message.
    stream.once("end", () => {
      if (this.#waiting.delete(stream)) stream.close();
    });
  }

  #beginNext(): void {
    for (const [stream, begin] of this.#waiting) {
      if (this.#receiving >= this.#most) return;
      this.#waiting.delete(stream);
      if (!stream.destroyed) this.#receive(stream, begin);
    }
  }

  #receive(stream: ReceivedStream, begin: () => void): void {
    this.#receiving += 1;
    this.#untilReceived(stream);
    begin();
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
