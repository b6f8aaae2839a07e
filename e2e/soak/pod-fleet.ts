import { setTimeout as sleep } from "node:timers/promises";
import type { Volume } from "../stack/volume.js";

interface Member {
  readonly volume: Volume;
  readonly role: number;
  mounted: boolean;
  /** Every database user that its files have named. */
  readonly users: Set<string>;
  readonly gone: AbortController;
  served: Promise<void>;
}

export interface PodFleetParts {
  /** Makes a pod with that role. */
  readonly create: (role: number) => Promise<Volume>;
  /** Milliseconds from one republish of a role's pods to the next. */
  readonly republishMs: (role: number) => number;
}

/** Many pods at once, each published again and again as its kubelet would, until it goes. */
export class PodFleet {
  readonly #parts: PodFleetParts;
  readonly #members: Member[] = [];
  #came = 0;
  /** Publishes that failed: a volume's first ones while something is wrong. */
  failures = 0;
  publishes = 0;

  constructor(parts: PodFleetParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#members.length;
  }

  get came(): number {
    return this.#came;
  }

  /** One that has its files; nothing as long as there is none. */
  anyMounted(draw: number): Volume | undefined {
    const mounted = this.#members.filter((member) => member.mounted);
    return mounted[Math.floor(draw * mounted.length)]?.volume;
  }

  /** For each volume, every database user that its files have named; the last is the current one. */
  get users(): (readonly string[])[] {
    return this.#members.map(({ users }) => [...users]);
  }

  async add(role: number): Promise<void> {
    const volume = await this.#parts.create(role);
    const gone = new AbortController();
    const member: Member = { volume, role, mounted: false, users: new Set(), gone, served: Promise.resolve() };
    member.served = this.#serve(member);
    this.#members.push(member);
    this.#came += 1;
  }

  /** The oldest goes, as a rollout has it: its object first, then its volume. Gives its role. */
  async dismiss(): Promise<number> {
    const member = this.#members.shift();
    if (!member) throw new Error("the fleet is empty");
    member.gone.abort();
    member.mounted = false;
    await member.served;
    await member.volume.kubelet.deletePod(member.volume.pod);
    await member.volume.unpublish();
    return member.role;
  }

  async #serve(member: Member): Promise<void> {
    const { signal } = member.gone;
    const everyMs = this.#parts.republishMs(member.role);
    while (!signal.aborted) {
      this.publishes += 1;
      try {
        await member.volume.publish(signal);
        const { user } = await member.volume.texts();
        if (user !== undefined) member.users.add(user);
        member.mounted = !signal.aborted;
      } catch {
        this.failures += 1;
      }
      // The kubelet tries a volume that it could not mount sooner.
      await sleep(member.mounted ? everyMs : 2_000, undefined, { signal }).catch(() => undefined);
    }
  }
}
