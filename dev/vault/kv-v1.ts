import type { Clock } from "../../src/shared/clock.js";
import { type Answer, badRequest, type Data, manyErrors, missing, nothing, Refusal } from "./answer.js";
import type { Engine, EngineRequest } from "./engine.js";
import { seconds } from "./fields.js";
import { listBelow, scanBelow } from "./key-tree.js";
import { systemTtl } from "./time-to-live.js";

/** A secret, and what a standby that has not heard of it still reads. */
interface Written {
  readonly data: Data;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly before: Data | undefined;
}

/** Secrets engine `kv`, version 1. */
export class KvV1 implements Engine {
  readonly type = "kv";
  readonly #clock: Clock;
  readonly #secrets = new Map<string, Written>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  exists(path: string): boolean {
    return this.#secrets.has(path);
  }

  handle({ operation, path, body, asOf }: EngineRequest): Answer {
    if (operation === "list") return listBelow(this.#secrets.keys(), path);
    if (operation === "scan") return scanBelow(this.#secrets.keys(), path);
    if (operation === "read") return this.#read(path, asOf);
    if (operation === "patch") throw new Refusal(405, [manyErrors("unsupported operation")]);
    if (operation === "delete") this.#secrets.delete(path);
    else this.#write(path, body);
    return nothing;
  }

  #read(path: string, asOf = Infinity): Answer {
    const written = this.#secrets.get(path);
    const data = written && written.at > asOf ? written.before : written?.data;
    if (!data) throw missing();
    return { data, lease: { id: "", renewable: false, seconds: lifeOf(data) } };
  }

  #write(path: string, data: Data): void {
    if (Object.keys(data).length === 0) throw badRequest("missing data fields");
    this.#secrets.set(path, { data, at: this.#clock.wall(), before: this.#secrets.get(path)?.data });
  }
}

/** A secret's own `ttl` field is reported to readers as its lease duration; it has no other effect. */
function lifeOf(data: Data): number {
  const named = "ttl" in data ? "ttl" : "lease";
  try {
    return seconds(data, named) || systemTtl;
  } catch {
    return systemTtl;
  }
}
