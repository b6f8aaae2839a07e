import type { Clock } from "../../src/shared/clock.js";
import { type Data, Refusal } from "./answer.js";
import { flag, seconds, text } from "./fields.js";

interface Quota {
  readonly name: string;
  readonly path: string;
  readonly rate: number;
  readonly interval: number;
  windowStart: number;
  used: number;
}

/** Rate-limit quotas: so many requests per interval below a path. */
export class Quotas {
  readonly #quotas = new Map<string, Quota>();
  readonly #clock: Clock;
  #headers = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  write(name: string, body: Data): void {
    this.#quotas.set(name, {
      name,
      path: text(body, "path"),
      rate: Number(text(body, "rate")),
      interval: seconds(body, "interval") || 1,
      windowStart: this.#clock.wall(),
      used: 0,
    });
  }

  remove(name: string): void {
    this.#quotas.delete(name);
  }

  describe(name: string): Data | undefined {
    const quota = this.#quotas.get(name);
    return (
      quota && {
        block_interval: 0,
        group_by: "ip",
        inheritable: false,
        interval: quota.interval,
        name,
        path: quota.path,
        rate: quota.rate,
        role: "",
        secondary_rate: 0,
        type: "rate-limit",
      }
    );
  }

  configure(body: Data): void {
    this.#headers = flag(body, "enable_rate_limit_response_headers");
  }

  /** Counts a request; throws the 429 once its quota is used up. The quota with the longest path counts. */
  count(path: string): void {
    const fitting = [...this.#quotas.values()].filter((quota) => covers(quota.path, path));
    const [quota] = fitting.sort((a, b) => b.path.length - a.path.length);
    if (!quota) return;
    const now = this.#clock.wall();
    const window = quota.interval * 1_000;
    if (now - quota.windowStart >= window) Object.assign(quota, { windowStart: now, used: 0 });
    quota.used += 1;
    if (quota.used > quota.rate) throw this.#refusal(quota, path, quota.windowStart + window - now);
  }

  #refusal(quota: Quota, path: string, leftMs: number): Refusal {
    const reset = String(Math.ceil(leftMs / 1_000));
    const headers = {
      "retry-after": reset,
      "x-ratelimit-limit": String(quota.rate),
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": reset,
    };
    return new Refusal(429, [`request path "${path}": rate limit quota exceeded`], this.#headers ? headers : {});
  }
}

/** A quota on a mount covers what lies below it; on a longer path, only that path. */
function covers(quota: string, path: string): boolean {
  return quota === "" || (quota.endsWith("/") ? path.startsWith(quota) : path === quota);
}
