import { once } from "node:events";
import { readFileSync } from "node:fs";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";
import type { Bench } from "./fixture.js";
import { type Figure, percentile } from "./figure.js";
import { cpuOf } from "./process-figures.js";
import type { BenchVault } from "./vault.js";
import { newTokens, readsPerMount } from "./workload.js";

/** As many as keymount may have. */
const sockets = 16;

/** What a bare client of Node's reaches with the requests of a first Mount: one login, then ten reads at once. */
export async function measureFloor(bench: Bench, vault: BenchVault, concurrency: number): Promise<Figure[]> {
  const count = (concurrency === 1 ? 500 : 2_000) / (bench.quick ? 5 : 1);
  const client = new BareClient(vault);
  const each: number[] = [];
  const mount = async (jwt: string) => {
    const { auth } = await client.ask("auth/kubernetes/login", {}, { role: "bench", jwt });
    const headers = { "X-Vault-Token": auth!.client_token };
    await Promise.all(Array.from({ length: readsPerMount }, (_, n) => client.ask(`kv/data/bench/${n}`, headers)));
  };
  for (const jwt of newTokens(bench.issuer, 50)) await mount(jwt);
  const waiting = newTokens(bench.issuer, count).values();
  const cpuBefore = cpuOf(process.pid);
  const startedAt = performance.now();
  const worker = async () => {
    for (const jwt of waiting) {
      const since = performance.now();
      await mount(jwt);
      each.push(performance.now() - since);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const wholeMs = performance.now() - startedAt;
  const cpuMs = cpuOf(process.pid) - cpuBefore;
  client.close();
  const figure = (name: string, title: string, unit: string, value: number): Figure => ({
    id: `floor-${concurrency}.${name}@${vault.name}`,
    title: `bare client, C=${concurrency}, ${vault.name}: ${title}`,
    unit,
    value,
  });
  return [
    figure("p50", "p50", "ms", percentile(each, 0.5)),
    figure("rate", "rate", "/s", (count / wholeMs) * 1000),
    figure("cpu", "CPU per mount", "ms", cpuMs / count),
  ];
}

interface Answer {
  auth?: { client_token: string };
}

class BareClient {
  readonly #address: string;
  readonly #request: typeof http.request;
  readonly #agent: http.Agent;

  constructor({ address, caFile }: BenchVault) {
    const pool = { keepAlive: true, maxSockets: sockets };
    this.#address = address;
    this.#request = caFile === undefined ? http.request : https.request;
    this.#agent = caFile === undefined ? new http.Agent(pool) : new https.Agent({ ...pool, ca: readFileSync(caFile) });
  }

  async ask(path: string, headers: Record<string, string>, body?: object): Promise<Answer> {
    const sent = this.#request(`${this.#address}/v1/${path}`, {
      agent: this.#agent,
      method: body ? "POST" : "GET",
      headers,
    });
    sent.end(body && JSON.stringify(body));
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    const read = await text(answer);
    if (answer.statusCode !== 200) throw new Error(`the bare client got ${answer.statusCode} for ${path}: ${read}`);
    return JSON.parse(read) as Answer;
  }

  close(): void {
    this.#agent.destroy();
  }
}
