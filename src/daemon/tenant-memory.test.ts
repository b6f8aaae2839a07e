import { setMaxListeners } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, type onTestFinished, test } from "vitest";
import type { MountOutcome } from "../driver/driver-client.js";
import { serveHttp } from "../../dev/testing/http-server.js";
import { type SpawnedProvider, spawnProvider } from "../../dev/testing/spawned-provider.js";

/** What the chart lets it have by its default values, in MiB. */
const memoryLimit = Number(
  /limits:\s+memory: (\d+)Mi/.exec(
    readFileSync(new URL("../../deploy/manifests/keymount.yaml", import.meta.url), "utf8"),
  )![1],
);

const login = {
  auth: { client_token: "t", accessor: "a", token_type: "service", lease_duration: 3600, renewable: true, num_uses: 0 },
};
const health = { initialized: true, sealed: false, standby: false, cluster_id: "c", version: "1.21.0" };

/** A Vault that believes everybody: logins succeed, and `content` is what each secret holds, as JSON; some take 5 s. */
async function start(
  content: (path: string) => string,
  { isSlow = () => false, atTheEnd }: { isSlow?: (path: string) => boolean; atTheEnd?: typeof onTestFinished } = {},
): Promise<SpawnedProvider> {
  const texts = new Map<string, Buffer>();
  const vault = await serveHttp((request, response) => {
    const path = request.url!.slice("/v1/".length);
    response.setHeader("Content-Type", "application/json");
    if (path.startsWith("sys/health")) return void response.end(JSON.stringify(health));
    if (path.startsWith("auth/")) return void response.end(JSON.stringify(login));
    const [plain] = path.split("?") as [string];
    const text = texts.get(plain) ?? Buffer.from(content(plain));
    texts.set(plain, text);
    if (isSlow(plain)) setTimeout(() => response.end(text), 5_000).unref();
    else response.end(text);
  });
  return spawnProvider(vault.origin, atTheEnd);
}

const secret = (value: string) => `{"lease_id":"","lease_duration":0,"renewable":false,"data":{"value":${value}}}`;

/** `kv/small` is a small secret, every other one what `value` says. */
const small = (value: string) => (path: string) => secret(path === "kv/small" ? '"hunter2"' : value);

const objects = (count: number, path: string) =>
  Array.from({ length: count }, (_, n) => `- {objectName: f${n}, secretPath: "${path}?x=${n}", secretKey: value}`).join(
    "\n",
  );

const kilo = 1000;

/** Mounts again while the refusal says that the next Mount tries again. */
async function asKubelet(mount: () => Promise<MountOutcome>): Promise<MountOutcome> {
  for (let attempts = 1; ; attempts += 1) {
    const outcome = await mount();
    if (outcome.ok || attempts === 2 || !outcome.message.includes("the next Mount tries again")) return outcome;
  }
}

/** The Mounts of one tenant, and their expected outcome. */
interface Attack {
  value: string;
  mounts: number;
  objects: number;
  /** All of them succeed, or all of them are refused in these words; `undefined`: some of each. */
  outcome?: "files" | RegExp;
}

/** Which limit is reached first depends on how many answers come at once. */
const tooLarge = /larger than 7340032 bytes together|fill its share of limits.inFlightBytes/;

// Each mostly waits for its turns: all of them at once take as long as the longest.
test.concurrent.for<[string, Attack]>([
  [
    "a hundred objects of one secret of 1 MB",
    { value: `"${"a".repeat(1000 * kilo)}"`, mounts: 1, objects: 100, outcome: tooLarge },
  ],
  [
    "a hundred secrets of 4 MB",
    { value: `"${"eyJ".repeat(1_390 * kilo)}"`, mounts: 1, objects: 100, outcome: tooLarge },
  ],
  [
    "twenty volumes of a hundred secrets of 300 KB",
    { value: `"${"a".repeat(300 * kilo)}"`, mounts: 20, objects: 100, outcome: tooLarge },
  ],
  [
    "twenty volumes of thirty secrets of 300 KB with wide characters",
    { value: `"😀${"a".repeat(300 * kilo)}"`, mounts: 20, objects: 30, outcome: tooLarge },
  ],
  [
    "twenty volumes of twenty lists of ten thousand numbers",
    { value: `[${"1,".repeat(9_999)}1]`, mounts: 20, objects: 20 },
  ],
  [
    "twenty volumes of ten lists of ten thousand numbers",
    { value: `[${"1,".repeat(9_999)}1]`, mounts: 20, objects: 10 },
  ],
  [
    "one volume of one secret of 3 MB with wide characters",
    { value: `"😀${"a".repeat(3000 * kilo)}"`, mounts: 1, objects: 1, outcome: "files" },
  ],
  ["forty volumes of one secret of 3 MB", { value: `"${"a".repeat(3000 * kilo)}"`, mounts: 40, objects: 1 }],
])(
  "%s do not end the process, and another tenant is served meanwhile",
  { timeout: 300_000 },
  async ([_what, { value, mounts, objects: count, outcome }], { onTestFinished: atTheEnd }) => {
    const provider = await start(small(value), { atTheEnd });
    const quiet = () => provider.mount({ namespace: "shop", name: "web" }, objects(1, "kv/small"));
    expect(await quiet()).toMatchObject({ ok: true });
    let running = true;
    const attack = Promise.all(
      Array.from({ length: mounts }, (_, n) =>
        asKubelet(() => provider.mount({ namespace: "crowd", name: `a${n}` }, objects(count, "kv/big"))),
      ),
    ).finally(() => (running = false));
    const served: MountOutcome[] = [];
    for (let n = 0; running; n += 1) {
      served.push(await provider.mount({ namespace: "shop", name: `web-${n}` }, objects(1, "kv/small")));
      await sleep(50); // Without it the test's own load is what takes the time.
    }
    const outcomes = await attack;
    expect(provider.alive(), provider.logText().slice(-2_000)).toBe(true);
    expect(served.filter(({ ok }) => !ok)).toEqual([]);
    for (const one of outcomes) {
      if (outcome === "files") expect(one.ok).toBe(true);
      else if (outcome) expect(one).toMatchObject({ ok: false, message: expect.stringMatching(outcome) as string });
    }
    expect(provider.peakMemory()).toBeLessThan(memoryLimit);
    expect(await quiet()).toMatchObject({ ok: true });
  },
);

test("twenty volumes of a hundred secrets of 300 KB, asked for again and again and then given up all at once, end nothing", async () => {
  const provider = await start(small(`"${"a".repeat(300 * kilo)}"`));
  const quiet = () => provider.mount({ namespace: "shop", name: "web" }, objects(1, "kv/small"));
  const giveUp = new AbortController();
  setMaxListeners(0, giveUp.signal);
  const attempts = async (lane: number) => {
    for (let n = 0; !giveUp.signal.aborted; n += 1) {
      await provider
        .mount({ namespace: "crowd", name: `a${lane}` }, objects(100, `kv/big${n}`), giveUp.signal)
        .catch(() => undefined);
    }
  };
  const lanes = Array.from({ length: 20 }, (_, lane) => attempts(lane));
  await sleep(4_000);
  giveUp.abort(new Error("enough"));
  await Promise.all(lanes);
  await sleep(1_000);
  expect(provider.alive(), provider.logText().slice(-2_000)).toBe(true);
  expect(await quiet()).toMatchObject({ ok: true });
  expect(provider.peakMemory()).toBeLessThan(memoryLimit);
}, 180_000);

test("two hundred and fifty Mounts of a class of 250 KB that wait for Vault end nothing, and block no other Mount", async () => {
  const provider = await start(small('"never"'), { isSlow: (path) => path.startsWith("kv/slow") });
  const quiet = () => provider.mount({ namespace: "shop", name: "web" }, objects(1, "kv/small"));
  expect(await quiet()).toMatchObject({ ok: true });
  const giveUp = new AbortController();
  setMaxListeners(0, giveUp.signal);
  const attempts = async (lane: number) => {
    for (let n = 0; !giveUp.signal.aborted; n += 1) {
      const large = { objects: objects(1, `kv/slow${lane}-${n}`), unknown: "u".repeat(250 * kilo) };
      await provider.mount({ namespace: "crowd", name: `a${lane}` }, large, giveUp.signal).catch(() => undefined);
      await sleep(500);
    }
  };
  const lanes = Array.from({ length: 250 }, (_, lane) => attempts(lane));
  for (let second = 0; second < 6; second += 1) {
    expect(await quiet()).toMatchObject({ ok: true });
    await sleep(1_000);
  }
  giveUp.abort(new Error("enough"));
  await Promise.all(lanes);
  expect(provider.alive(), provider.logText().slice(-2_000)).toBe(true);
  expect(provider.peakMemory()).toBeLessThan(memoryLimit);
}, 180_000);

test("thirty pods with a template over a secret of 690 KB of < end nothing, and another tenant's are made", async () => {
  const provider = await start(small(`"${"<".repeat(690 * kilo)}"`));
  const template = (path: string) => `- {objectName: f, secretPath: ${path}, template: "{{ value | size }}"}`;
  const attack = Promise.all(
    Array.from({ length: 30 }, (_, n) => provider.mount({ namespace: "crowd", name: `a${n}` }, template(`kv/big${n}`))),
  );
  const served = await Promise.all(
    Array.from({ length: 5 }, (_, n) => provider.mount({ namespace: "shop", name: `w${n}` }, template("kv/small"))),
  );
  await attack;
  expect(provider.alive(), provider.logText().slice(-2_000)).toBe(true);
  expect(served.filter(({ ok }) => !ok)).toEqual([]);
  expect(provider.peakMemory()).toBeLessThan(memoryLimit);
}, 180_000);

test("a hundred recursive reads of one tree of a hundred folders are one volume as any other", async () => {
  const folders = Array.from({ length: 99 }, (_, n) => `"f${n}/"`).join();
  const keys = (path: string) => (path === "kv/metadata/shop" ? folders : '"s"');
  const provider = await start((path) =>
    path.startsWith("kv/metadata/")
      ? `{"lease_id":"","lease_duration":0,"renewable":false,"data":{"keys":[${keys(path)}]},"mount_type":"kv"}`
      : secret('"v"'),
  );
  const tree = "secretPath: kv/data/shop/, keys: [f0/s/value]";
  const recursive = Array.from({ length: 100 }, (_, n) => `- {objectName: o${n}/, ${tree}}`).join("\n");
  for (let n = 0; n < 2; n += 1)
    expect(await provider.mount({ namespace: "crowd", name: "a" }, recursive)).toMatchObject({ ok: true });
  expect(provider.alive(), provider.logText().slice(-2_000)).toBe(true);
  expect(provider.peakMemory()).toBeLessThan(memoryLimit);
}, 180_000);
