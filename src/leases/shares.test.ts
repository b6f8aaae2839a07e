import { setMaxListeners } from "node:events";
import { beforeEach, describe, expect, test } from "vitest";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { MountTransaction, Principal } from "../mount/ports.js";
import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import { CountingVault, samplePrincipal } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { sampleLimits, testCredentials } from "../../dev/testing/test-credentials.js";
import { useBytes } from "./cache-memory.js";
import { heldBytes } from "./cached-secret.js";
import type { Credentials, CredentialsParts } from "./credentials.js";
import { answersTo } from "../../dev/testing/read-requests.js";

const never = new AbortController().signal;
setMaxListeners(0, never);
const minute = 60_000;

const kv = (name: string): VaultRequest => ({ method: "GET", path: `kv/${name}`, query: "" });
const creds = (name: string): VaultRequest => ({ method: "GET", path: `database/creds/${name}`, query: "" });

/** What an answer of the counting Vault takes, unless it says another size. */
const one = heldBytes(100, kv("a"));

let clock: FakeClock;
let vault: CountingVault;
let credentials: Credentials;
let reached: string[];

/** Credentials that could not be given back. */
let lost: string[];

function start(limits: Partial<CredentialsParts["limits"]> = {}): void {
  clock = new FakeClock();
  vault = new CountingVault(clock);
  reached = [];
  lost = [];
  credentials = testCredentials({
    client: vault,
    clock,
    limits: sampleLimits(limits),
    emit: (event) => {
      if (event.kind === "limitReached") reached.push(event.limit);
      if (event.kind === "credentialOrphaned") lost.push(event.path);
    },
  });
}

beforeEach(() => start());

/** Vault has it, `bytes` large once it is parsed. */
function there({ path }: VaultRequest, bytes = 100): void {
  const lease = { id: path, durationMs: 60 * minute, renewable: false };
  vault.replies.set(path, { body: { data: { value: path } }, bytes, ...(path.startsWith("database/") && { lease }) });
}

function principalOf(namespace: string, pod: string, volume = "v"): Principal {
  return samplePrincipal({
    ownerKey: `${namespace}/${pod}`,
    volumeKey: `/pods/${pod}/volumes/kubernetes.io~csi/${volume}/mount`,
    pod: { namespace, name: pod, uid: pod, serviceAccount: "web" },
  });
}

async function asked(
  transaction: MountTransaction,
  requests: readonly VaultRequest[],
  signal = never,
): Promise<string> {
  const answers = await answersTo(transaction, requests, {}, signal);
  const failed = answers.find((answer) => "error" in answer);
  return failed ? failed.error.message : "files";
}

/** One whole Mount, delivered where all of it could be had. */
async function mount(namespace: string, pod: string, requests: readonly VaultRequest[], volume = "v"): Promise<string> {
  const transaction = credentials.source.begin(principalOf(namespace, pod, volume));
  try {
    const outcome = await asked(transaction, requests);
    if (outcome === "files") transaction.commit("v");
    return outcome;
  } finally {
    transaction.end();
  }
}

const held = () => credentials.cache.totals().bytes;

describe("credentials", () => {
  test("of one namespace leave room for those of others, and a third", async () => {
    start({ bytes: 100 * one });
    const requests = Array.from({ length: 100 }, (_, n) => creds(`${n}`));
    for (const request of requests) there(request);
    const made = async (namespace: string) => {
      let count = 0;
      for (const request of requests)
        if ((await mount(namespace, `p-${request.path}`, [request])) === "files") count += 1;
      return count;
    };
    // A path that makes credentials is asked where there is room for two of these: what it makes is not known before.
    expect(await made("crowd")).toBe(49);
    expect(await made("shop")).toBe(24);
    expect(await made("third")).toBe(12);
    expect(reached).toContain("bytes");
  });

  test("that are large are refused by their size, and revoked", async () => {
    start({ bytes: 24 << 20 });
    const large = Array.from({ length: 13 }, (_, n) => creds(`${n}`));
    for (const request of large) there(request, 1 << 20);
    const outcomes = [];
    for (const request of large) outcomes.push(await clock.during(mount("crowd", request.path, [request])));
    expect(outcomes.filter((outcome) => outcome === "files")).toHaveLength(11);
    expect(outcomes.at(-1)).toMatch(/share of namespace crowd in limits\.bytes/);
    expect(vault.revoked).toContain("database/creds/12");
    there(creds("other"));
    expect(await mount("shop", "web-0", [creds("other")])).toBe("files");
  });

  test("that take more of a record than of memory are refused by that, before it is written", async () => {
    start({ bytes: 16 << 20 });
    const grown = Array.from({ length: 6 }, (_, n) => creds(`${n}`));
    const value = "\u0001".repeat(300 << 10); // Seven bytes of a record each.
    for (const { path } of grown) {
      const lease = { id: path, durationMs: 60 * minute };
      vault.replies.set(path, { body: { data: { value } }, bytes: 300 << 10, lease });
    }
    const outcomes = [];
    for (const request of grown) outcomes.push(await clock.during(mount("crowd", request.path, [request])));
    expect(outcomes.filter((outcome) => outcome === "files")).toHaveLength(3);
    expect(outcomes.at(-1)).toMatch(/share of namespace crowd in limits\.bytes/);
    expect(held()).toBeLessThan(8 << 20);
  });

  test("of one pod are refused beyond what its record may have, and replaced at that limit; other pods' are made", async () => {
    const large = Array.from({ length: 4 }, (_, n) => creds(`${n}`));
    for (const request of large) there(request, 1 << 20);
    expect(await clock.during(mount("shop", "web-0", large.slice(0, 3)))).toBe("files");
    expect(await clock.during(mount("shop", "web-0", large))).toMatch(
      /^the credentials of this pod and role \(.*\) are larger than 4194304 bytes together, the most that one record may hold, so database\/creds\/3 makes no more; let them be fewer or smaller$/,
    );
    expect(reached).toContain("record");
    expect(vault.revoked).toContain("database/creds/3");
    expect(await clock.during(mount("shop", "web-1", large.slice(0, 3)))).toBe("files");
    await clock.advance(56 * minute);
    vault.calls.length = 0;
    expect(await clock.during(mount("shop", "web-0", large.slice(0, 3)))).toBe("files");
    expect(vault.calls.filter((call) => call.startsWith("GET"))).toHaveLength(3);
  });

  test("are replaced without room of their own only by what is as large as what there was room for", async () => {
    start({ bytes: 100 * one });
    there(creds("a"));
    expect(await mount("shop", "web-0", [creds("a")])).toBe("files");
    for (let n = 0; n < 60; n += 1) {
      there(creds("a"), 100 + n * 1_500);
      await clock.advance(56 * minute);
      await clock.during(mount("shop", "web-0", [creds("a")]));
    }
    expect(held()).toBeLessThan(51 * one);
  });

  test("that have shrunk give their room to others, and have none to grow again", async () => {
    const names = ["a", "b", "c", "d"].map(creds);
    for (const [index, request] of names.entries()) {
      for (const bytes of [3 << 20, 100]) {
        there(request, bytes);
        expect(await clock.during(mount("shop", "web-0", names.slice(0, index + 1)))).toBe("files");
        await clock.advance(56 * minute);
      }
    }
    for (const request of names) there(request, 3 << 20);
    await clock.during(mount("shop", "web-0", names));
    expect(held()).toBeLessThan(4.1 * 2 ** 20);
    expect(reached).toContain("record");
  });

  test("that was replaced, and could not be delivered, is replaced again without room of its own", async () => {
    const large = creds("a");
    there(large, 1.5 * 2 ** 20);
    expect(await clock.during(mount("shop", "web-0", [large]))).toBe("files");
    for (const delivers of [false, true]) {
      await clock.advance(66 * minute); // It has ended.
      const transaction = credentials.source.begin(principalOf("shop", "web-0"));
      expect(await clock.during(asked(transaction, [large]))).toBe("files");
      if (delivers) transaction.commit("1");
      transaction.end();
    }
    expect(vault.calls.filter((call) => call.startsWith("GET"))).toHaveLength(3);
    expect(reached).toEqual([]);
  });

  test("that several volumes of a pod have of different moments take room each", async () => {
    start({ bytes: 100 * one });
    const volumes = Array.from({ length: 80 }, (_, n) => n);
    there(creds("a"));
    for (const volume of volumes) {
      await clock.during(mount("shop", "web-0", [creds("a")], `v${volume}`));
      await clock.advance(56 * minute); // The next volume has it replaced.
    }
    expect(held() - 79 * useBytes).toBeLessThan(52 * one);
  });

  test("are replaced when the share has shrunk since they were made", async () => {
    start({ bytes: 20 * one });
    const [first, ...others] = Array.from({ length: 8 }, (_, n) => creds(`${n}`));
    for (const request of [first!, ...others]) there(request);
    for (const request of [first!, ...others.slice(0, 4)]) await mount("crowd", request.path, [request]);
    for (const namespace of ["b", "c"]) await mount(namespace, "p", [creds("7")]);
    await clock.advance(59 * minute);
    expect(await mount("crowd", first!.path, [first!])).toBe("files");
    expect(vault.calls.filter((call) => call.endsWith(first!.path))).toHaveLength(2);
  });

  test("take at most half of the volumes, and a volume that only reads is served", async () => {
    start({ volumes: 40 });
    const outcomes = [];
    for (let n = 0; n < 40; n += 1) {
      there(creds(`${n}`));
      outcomes.push(await mount("crowd", `p-${n}`, [creds(`${n}`)]));
    }
    expect(outcomes.filter((outcome) => outcome === "files")).toHaveLength(20);
    expect(outcomes.at(-1)).toMatch(/share of namespace crowd in limits\.volumes/);
    there(kv("a"));
    for (let n = 0; n < 20; n += 1) expect(await mount("shop", `p-${n}`, [kv("a")])).toBe("files");
    for (let n = 0; n < 10; n += 1) {
      there(creds("shop"));
      expect(await mount("shop", `p-${n}`, [creds("shop")])).toBe("files");
    }
  });
});

describe("volumes that only read", () => {
  test("of one namespace are evicted for others, down to the fair share and no further", async () => {
    start({ volumes: 10 });
    there(kv("a"));
    const places = () => [...credentials.cache.volumes()].map(({ namespace }) => namespace);
    const count = (namespace: string) => places().filter((one) => one === namespace).length;
    for (let n = 0; n < 30; n += 1) await mount("crowd", `p-${n}`, [kv("a")]);
    expect(count("crowd")).toBe(10);
    for (let n = 0; n < 3; n += 1) await mount("shop", `p-${n}`, [kv("a")]);
    for (let n = 0; n < 30; n += 1) await mount("crowd", `q-${n}`, [kv("a")]);
    expect([count("crowd"), count("shop")]).toEqual([7, 3]);
  });
});

describe("static answers", () => {
  test("of a namespace that has more are evicted for one that has less, never the other way", async () => {
    start({ bytes: 12 * one });
    for (let n = 0; n < 20; n += 1) there(kv(`${n}`));
    for (let n = 0; n < 3; n += 1) await mount("shop", `p-${n}`, [kv(`${n}`)]);
    for (let n = 0; n < 20; n += 1) await mount("crowd", `p-${n}`, [kv(`${n}`)]);
    const of = (namespace: string) =>
      [...credentials.cache.entries()].filter((entry) => entry.namespace === namespace && entry.answer).length;
    expect([of("shop"), of("crowd")]).toEqual([3, 9]);
  });

  test("that there is no room for are not referred to by the volume either", async () => {
    start({ bytes: 20 * one, responseBytes: 1 << 20 });
    for (let n = 0; n < 20; n += 1) {
      there(kv(`${n}`), 19 * one);
      expect(await mount("crowd", `p-${n}`, [kv(`${n}`), kv("0")])).toBe("files");
      expect(held()).toBeLessThanOrEqual(20 * one);
    }
  });

  test("count once, with a little for each further volume, and not at all when the last has gone", async () => {
    there(kv("a"));
    const principal = principalOf("shop", "web-0");
    for (const volumeKey of ["a", "b", "c"]) {
      const transaction = credentials.source.begin({ ...principal, volumeKey });
      await asked(transaction, [kv("a")]);
      transaction.commit("v");
      transaction.end();
    }
    expect(held()).toBe(one + 2 * useBytes);
    for (const volume of credentials.cache.volumes()) credentials.cache.forget(volume);
    expect(held()).toBe(0);
  });

  test("are used by as many volumes of a namespace as its share allows; the others are served, and held nothing for", async () => {
    const uses = 64;
    start({ bytes: 4 * uses * useBytes });
    there(kv("a"));
    const volumes = Array.from({ length: 3 * uses }, (_, n) => `v${n}`);
    for (const volume of volumes) expect(await mount("crowd", "web-0", [kv("a")], volume)).toBe("files");
    const [entry] = [...credentials.cache.entries()];
    expect(entry!.users.size).toBe(1 + uses);
    expect(held()).toBe(one + uses * useBytes);
    expect(new Set(reached)).toEqual(new Set(["bytes"]));
    reached = [];
    for (const volume of ["v0", "v1"]) expect(await mount("quiet", "web-0", [kv("a")], volume)).toBe("files");
    expect(reached).toEqual([]);
    for (const volume of credentials.cache.volumes()) credentials.cache.forget(volume);
    expect(held()).toBe(0);
  });

  test("count as long as a volume was delivered them, though a newer one is there", async () => {
    there(kv("a"));
    await mount("shop", "web-0", [kv("a")]);
    await clock.advance(3 * minute);
    const transaction = credentials.source.begin(principalOf("shop", "web-0"));
    await asked(transaction, [kv("a")]);
    expect(held()).toBe(2 * one);
    transaction.commit("v");
    transaction.end();
    expect(held()).toBe(one);
  });
});

test("what failed for two volumes of a pod at once leaves nothing behind", async () => {
  const volumes = ["a", "b"].map((volume) => credentials.source.begin(principalOf("shop", "web-0", volume)));
  expect(await Promise.all(volumes.map((volume) => asked(volume, [kv("missing")])))).not.toContain("files");
  for (const volume of volumes) volume.end();
  expect([...credentials.cache.entries()]).toEqual([]);
});

describe("bytes in flight", () => {
  test("are counted until the Mount is answered, with any outcome", async () => {
    there(kv("a"));
    const transaction = credentials.source.begin(principalOf("shop", "web-0"));
    await asked(transaction, [kv("a"), kv("missing")]);
    transaction.made(500);
    expect(credentials.inFlight.total).toBe(one + 500);
    transaction.end();
    expect(credentials.inFlight.total).toBe(0);
  });

  test("of one namespace leave room for others, and what was refused is requested again", async () => {
    start({ inFlightBytes: 100 * one });
    const visits = ["crowd", "shop"].map((namespace) => credentials.source.begin(principalOf(namespace, "web-0")));
    const [crowd, shop] = visits as [MountTransaction, MountTransaction];
    there(kv("large"), 60 * one);
    there(kv("half"), 45 * one);
    there(kv("small"), 10 * one);
    expect(await asked(crowd, [kv("half")])).toBe("files");
    expect(await asked(crowd, [kv("small")])).toMatch(/namespace crowd fill its share of limits\.inFlightBytes/);
    expect(await asked(shop, [kv("small")])).toBe("files");
    crowd.end();
    shop.end();
    await clock.advance(2_000);
    expect(await mount("crowd", "web-0", [kv("small")])).toBe("files");
    expect(await mount("crowd", "web-0", [kv("large")])).toMatch(/inFlightBytes/);
    expect(reached).toContain("inFlightBytes");
    expect(lost).toEqual([]);
    expect(credentials.inFlight.total).toBe(0);
  });

  test("that are used up: no credential is made that could not be received, by POST or a path of credentials", async () => {
    start({ inFlightBytes: 1 << 20 });
    there(kv("half"), 510_000);
    const issue: VaultRequest = { method: "POST", path: "pki/issue/web", query: "", args: new Redacted("{}") };
    vault.replies.set(issue.path, { body: { data: { certificate: "" } }, bytes: 5_000 });
    there(creds("app"));
    const crowd = credentials.source.begin(principalOf("crowd", "web-0"));
    expect(await asked(crowd, [kv("half")])).toBe("files");
    for (const request of [issue, creds("app")]) {
      expect(await mount("crowd", "web-1", [request])).toMatch(/inFlightBytes/);
    }
    expect(vault.calls.filter((call) => !call.includes("kv/half") && !call.includes("login"))).toEqual([]);
    crowd.end();
    await clock.advance(2_000);
    expect(await mount("crowd", "web-1", [issue, creds("app")])).toBe("files");
    expect([lost, credentials.inFlight.total]).toEqual([[], 0]);
  });

  test("that one secret has no room for are not asked for the others of its Mount", async () => {
    start({ inFlightBytes: 100 * one });
    const requests = Array.from({ length: 200 }, (_, n) => kv(`${n}`));
    for (const request of requests) there(request, 10 * one);
    expect(await mount("crowd", "web-0", requests)).toMatch(/inFlightBytes/);
    expect(vault.calls.length).toBeLessThan(100);
  });

  test("that a Mount was refused for leave its other requests among the sixty-four until they are answered", async () => {
    start({ inFlightBytes: 100 * one });
    there(kv("large"), 60 * one);
    await mount("crowd", "web-0", [kv("large")]); // Refused, and for a second at once.
    let open = () => {};
    vault.gate = new Promise((resolve) => (open = resolve));
    const before = vault.calls.length;
    for (let n = 0; n < 10; n += 1) {
      const hanging = Array.from({ length: 63 }, (_, object) => kv(`${n}/${object}`));
      for (const request of hanging) there(request);
      expect(await mount("crowd", "web-0", [...hanging, kv("large")])).toMatch(/inFlightBytes/);
    }
    await clock.advance(5_000);
    expect(vault.calls.length - before).toBeLessThanOrEqual(64);
    open();
    await credentials.settled();
  });

  test("that a cached secret is served stale for do not fail the Mount", async () => {
    start({ inFlightBytes: 100 * one });
    there(kv("a"));
    await mount("shop", "web-0", [kv("a")]);
    there(kv("a"), 90 * one);
    await clock.advance(3 * minute);
    expect(await mount("shop", "web-0", [kv("a")])).toBe("files");
    expect(held()).toBe(one);
  });

  test("of one Mount are bounded: it is refused at once, and sends no further requests", async () => {
    start({ responseBytes: 10 * one });
    const requests = Array.from({ length: 1_000 }, (_, n) => kv(`${n}`));
    for (const request of requests) there(request, one);
    expect(await mount("crowd", "p", requests)).toMatch(
      /^the secrets of this volume are larger than \d+ bytes together/,
    );
    expect(vault.calls.length).toBeLessThan(200);
    expect(reached).toEqual(["mount"]);
  });
});

test("a namespace sends sixty-four requests at once, and does not block another", async () => {
  let open = () => {};
  vault.gate = new Promise((resolve) => (open = resolve));
  const requests = Array.from({ length: 200 }, (_, n) => kv(`${n}`));
  for (const request of requests) there(request);
  const crowd = Promise.all(requests.map((request) => mount("crowd", request.path, [request])));
  const shop = mount("shop", "web-0", [kv("0")]);
  await clock.advance(2_000); // Nothing is known yet of how large its answers are.
  expect(vault.calls.length).toBe(65);
  open();
  expect(await shop).toBe("files");
  expect(new Set(await crowd)).toEqual(new Set(["files"]));
});

test("a namespace gets 8 MiB of answers a second, and 4 MiB at once; another is not held up", async () => {
  start({ inFlightBytes: 1 << 30, responseBytes: 1 << 30 });
  const requests = Array.from({ length: 100 }, (_, n) => kv(`${n}`));
  for (const request of requests) there(request, 2 << 20); // As text, half of it.
  const crowd = mount("crowd", "web-0", requests);
  await clock.advance(0);
  expect(vault.calls.length).toBeLessThan(20);
  expect(await mount("shop", "web-0", [kv("0")])).toBe("files");
  await clock.advance(5_000);
  expect(vault.calls.length).toBeLessThan(60);
  await clock.advance(7_000);
  expect(await crowd).toBe("files");
});

test("requests that fail leave nothing behind, even if the class changes often", async () => {
  there(kv("a"));
  await mount("shop", "web-0", [kv("a")]);
  for (let n = 0; n < 100; n += 1) await mount("shop", "web-0", [kv("a"), kv(`missing-${n}`)]);
  expect([...credentials.cache.entries()]).toHaveLength(1);
});

test("a Mount that gives up while a credential is created does not lose it", async () => {
  there(creds("app"));
  let open = () => {};
  vault.gate = new Promise((resolve) => (open = resolve));
  const transaction = credentials.source.begin(principalOf("shop", "web-0"));
  const abort = new AbortController();
  const first = asked(transaction, [creds("app")], abort.signal);
  await clock.advance(0);
  abort.abort(new ProviderError("cancelled", "gave up"));
  expect(await first).toBe("gave up");
  transaction.end();
  open();
  await clock.advance(0);
  expect(await mount("shop", "web-0", [creds("app")])).toBe("files");
  expect(vault.calls.filter((call) => call.startsWith("GET"))).toHaveLength(1);
});
