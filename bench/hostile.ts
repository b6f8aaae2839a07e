import { makeIdentity } from "../src/testing/certificates.js";
import { DriverClient } from "../src/driver/driver-client.js";
import type { MountRequest } from "../src/wire/provider.js";
import { type Figure, percentile } from "./figure.js";
import { memoryOf } from "./process-figures.js";
import { type Bench, withProvider } from "./scene.js";
import type { BenchVault } from "./vault.js";
import { newPods } from "./workload.js";

const lag = "nodejs_eventloop_lag_p99_seconds";

/** Nearly as many keys as an answer may have, and as patterns are tried on. */
const [hugeKeys, wideKeys] = [5_000, 500];

/** What the hostile classes name in Vault. */
export function hostileSecrets(): Record<string, Record<string, string>> {
  const { cert, key } = makeIdentity({ commonName: "hostile" });
  const keys = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`KEY_aaaaaaaaaa_${n}`, `${n}`]));
  return {
    store: { "tls.crt": cert, "tls.key": key, pass: "changeit" },
    huge: keys(hugeKeys),
    wide: keys(wideKeys),
    long: { text: "ab".repeat(200_000) },
  };
}

const at = (name: string) => `kv/data/bench/${name}`;
const template = (text: string, path = at("long")) =>
  `{secretPath: ${path}, template: ${JSON.stringify(text)}}`.replace("{", "{objectName: f, ");

/** Classes that somebody writes who means harm; `n` makes each another one, so that nothing is kept of the one before. */
const bombs: Record<string, (n: number) => string> = {
  "a template that never ends": (n) =>
    `- ${template(`${n}{% for i in (1..9999) %}{% for j in (1..9999) %}{% for k in (1..9999) %}{% endfor %}{% endfor %}{% endfor %}`)}`,
  "a template that sorts": (n) =>
    `- ${template(`${n}{% for i in (1..2000) %}{% assign x = text | split: '' | sort %}{% endfor %}`)}`,
  "a template that fills its memory": (n) =>
    `- ${template(`${n}{% assign y = data | json | split: '' %}{% for i in (1..40) %}{% assign y = y | concat: y %}{% endfor %}`)}`,
  "a hundred templates": (n) =>
    Array.from(
      { length: 100 },
      (_, m) =>
        `- {objectName: f${m}, secretPath: ${at("0")}, template: "${n} {{ value }} ${m}{% for i in (1..20000) %}{{ i }}{% endfor %}"}`,
    ).join("\n"),
  "twenty keystores": (n) =>
    Array.from(
      { length: 20 },
      (_, m) =>
        `- {objectName: f${m}, secretPath: ${at("store")}, format: pkcs12, password: {secretKey: pass}, alias: a${n}-${m}}`,
    ).join("\n"),
  "aliases of aliases": (n) =>
    `- &a0 {objectName: f${n}, secretPath: ${at("0")}}\n${Array.from({ length: 60 }, (_, m) => `- &a${m + 1} [${`*a${m}, `.repeat(10)}]`).join("\n")}`,
  "brackets within brackets": (n) => `- {objectName: f${n}, secretPath: ${"[".repeat(60_000)}`,
  "patterns over a wide secret": (n) =>
    Array.from({ length: 50 }, (_, m) => {
      const patterns = Array.from({ length: 20 }, (_, p) => `"*a*a*a*a*a*b${p}"`).join(", ");
      return `- {objectName: f${n}-${m}/, secretPath: ${at("wide")}, keys: [${patterns}]}`;
    }).join("\n"),
  "a huge secret in every format": (n) =>
    ["json", "env", "docker-env", "properties", "yaml", "envelope"]
      .map((format) => `- {objectName: f${n}-${format}, secretPath: ${at("huge")}, format: ${format}}`)
      .join("\n"),
};

/** What a tenant with ordinary pods notices while another sends such classes, four at a time, without a pause. */
export async function measureHostile(bench: Bench, vault: BenchVault): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, objectsOf] of Object.entries(bombs))
    figures.push(...(await measureBomb(name, objectsOf, bench, vault)));
  return figures;
}

async function measureBomb(
  name: string,
  objectsOf: (n: number) => string,
  bench: Bench,
  vault: BenchVault,
): Promise<Figure[]> {
  const pods = newPods(bench.issuer, 50);
  const perSecond = 20;
  return withProvider(bench, vault, async (provider, load) => {
    await load.closedLoop(pods, 16);
    await load.closedLoop(
      Array.from({ length: 200 }, (_, n) => pods[n % pods.length]!),
      1,
    );
    const mallory = startMallory(provider.socketPath, bench, objectsOf);
    await provider.metric(lag); // Reading it starts it anew.
    const republishes = Array.from({ length: perSecond * (bench.quick ? 4 : 10) }, (_, n) => pods[n % pods.length]!);
    const { each } = await load.openLoop(republishes, perSecond);
    const lagMs = (await provider.metric(lag)) * 1000;
    const { peak } = memoryOf(provider.pid);
    const mounts = await mallory.stop();
    const figure = (id: string, title: string, unit: string, value: number, budget?: Figure["budget"]): Figure => ({
      id: `hostile.${id}@${name}`,
      title: `beside ${name}: ${title}`,
      unit,
      value,
      ...(budget && { budget }),
    });
    return [
      figure("lag", "event-loop lag p99", "ms", lagMs, { atMost: 50 }),
      figure("p99", "a neighbour's republish, p99", "ms", percentile(each, 0.99)),
      figure("peak-rss", "peak RSS", "MiB", peak),
      figure("mounts", "hostile Mounts in the time", "", mounts),
    ];
  });
}

/** Four at a time, each class another one, of pods of her own. */
function startMallory(socketPath: string, bench: Bench, objectsOf: (n: number) => string) {
  const driver = new DriverClient(socketPath);
  const ending = new AbortController();
  let mounts = 0;
  const loop = async (request: MountRequest, lane: number) => {
    while (!ending.signal.aborted) {
      const attributes = JSON.parse(request.attributes) as Record<string, string>;
      attributes["objects"] = objectsOf(mounts * 4 + lane);
      await driver.mount({ ...request, attributes: JSON.stringify(attributes) }, ending.signal).catch(() => undefined);
      mounts += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const loops = newPods(bench.issuer, 4, "mallory").map(loop);
  return {
    async stop(): Promise<number> {
      const made = mounts;
      ending.abort();
      await Promise.all(loops);
      driver.close();
      return made;
    },
  };
}
