/** How a request bore on the server. */
export type Strain = "eased" | "strained" | "neither";

/** What fails together is one sign of strain, not sixteen. */
const calmMs = 1_000;
const floor = 2;

/** How many may be in flight: halved when the server struggles, one more for each full round that went well. */
export class Allowance {
  readonly #ceiling: number;
  #allowed: number;
  #loweredAt = Number.NEGATIVE_INFINITY;

  constructor(ceiling: number) {
    this.#ceiling = ceiling;
    this.#allowed = ceiling;
  }

  get allowed(): number {
    return Math.floor(this.#allowed);
  }

  note(strain: Strain, now: number): void {
    if (strain === "eased") this.#allowed = Math.min(this.#ceiling, this.#allowed + 1 / this.#allowed);
    if (strain !== "strained" || now - this.#loweredAt < calmMs) return;
    this.#loweredAt = now;
    this.#allowed = Math.max(Math.min(floor, this.#ceiling), this.#allowed / 2);
  }
}
