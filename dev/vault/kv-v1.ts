import { type Answer, badRequest, type Data, manyErrors, missing, nothing, Refusal } from "./answer.js";
import type { Engine, EngineRequest } from "./engine.js";
import { seconds } from "./fields.js";
import { listBelow } from "./key-tree.js";
import { systemTtl } from "./time-to-live.js";

/** Secrets engine `kv`, version 1. */
export class KvV1 implements Engine {
  readonly type = "kv";
  readonly #secrets = new Map<string, Data>();

  exists(path: string): boolean {
    return this.#secrets.has(path);
  }

  handle({ operation, path, body }: EngineRequest): Answer {
    if (operation === "list") return listBelow(this.#secrets.keys(), path);
    if (operation === "read") return this.#read(path);
    if (operation === "patch") throw new Refusal(405, [manyErrors("unsupported operation")]);
    if (operation === "delete") this.#secrets.delete(path);
    else this.#write(path, body);
    return nothing;
  }

  #read(path: string): Answer {
    const data = this.#secrets.get(path);
    if (!data) throw missing();
    return { data, lease: { id: "", renewable: false, seconds: lifeOf(data) } };
  }

  #write(path: string, data: Data): void {
    if (Object.keys(data).length === 0) throw badRequest("missing data fields");
    this.#secrets.set(path, data);
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
