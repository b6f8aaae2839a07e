import type fc from "fast-check";

/** A part of keymount that takes untrusted input, and the properties that hold for all input. */
export interface Target<Case> {
  readonly name: string;
  /** Where cases come from; they shrink. */
  readonly cases: fc.Arbitrary<Case>;
  /** Cases that run before any random one: what once went wrong, here or elsewhere. */
  readonly regressions: readonly Case[];
  /** Of V8's heap, in MiB; 512 unless said. */
  readonly heapMb?: number;
  /** Milliseconds of CPU one case may take, 2,000 unless said. */
  readonly cpuLimitMs?: number;
  open(): Promise<Harness<Case>>;
}

export interface Harness<Case> {
  /** Throws when a property does not hold. */
  check(tried: Case): Promise<void>;
  close(): Promise<void>;
}
