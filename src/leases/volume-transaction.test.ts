import { LosslessNumber } from "lossless-json";
import { beforeEach, describe, expect, test } from "vitest";
import { CountingVault, samplePrincipal } from "../../dev/testing/counting-vault.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { answersTo, type ReadOptions } from "../../dev/testing/read-requests.js";
import { testCredentials } from "../../dev/testing/test-credentials.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import type { Principal } from "../mount/ports.js";
import { ProviderError } from "../shared/errors.js";
import type { JsonObject } from "../shared/json.js";
import type { VaultErrorKind } from "../vault/vault-error.js";

const [minute, hour] = [60_000, 3_600_000];
const kv = (name: string): VaultRequest => ({ method: "GET", path: `kv/${name}`, query: "" });
const [a, b, c] = [kv("a"), kv("b"), kv("c")];
const other = { volumeKey: "/pods/uid-1/volumes/kubernetes.io~csi/other/mount" };

let clock: FakeClock;
let vault: CountingVault;
let draw: number;
let refresh: string | undefined;
let stale: string[];
let credentials: ReturnType<typeof testCredentials>;

beforeEach(() => {
  clock = new FakeClock();
  vault = new CountingVault(clock);
  draw = 0;
  refresh = undefined;
  stale = [];
  credentials = testCredentials({
    client: vault,
    clock,
    random: () => draw,
    refreshRequested: () => refresh,
    emit: (event) => event.kind === "staleServed" && stale.push(event.request.path),
  });
});

/** What Vault holds from now on, by the last part of the path. */
function write(values: Record<string, string | (() => string)>): void {
  const kinds: readonly string[] = ["outage", "denied", "engine", "deleted"] satisfies VaultErrorKind[];
  for (const [name, value] of Object.entries(values)) {
    const reply = () => ({ body: { data: { value: typeof value === "function" ? value() : value } } });
    vault.replies.set(
      `kv/${name}`,
      typeof value === "string" && kinds.includes(value) ? (value as VaultErrorKind) : reply,
    );
  }
}

interface Mount extends Partial<ReadOptions> {
  principal?: Partial<Principal>;
}

/** One Mount; its values, joined, or its first error. The reads that it sent are in `reads`. */
async function mount(requests: VaultRequest[], { principal, ...options }: Mount = {}): Promise<string> {
  vault.calls.length = 0;
  const transaction = credentials.source.begin(samplePrincipal(principal));
  const reading = answersTo(transaction, requests, options);
  for (let pauses = 0; pauses < 3; pauses += 1) await clock.advance(200);
  const answers = await reading;
  const values = answers.map((answer) => ("error" in answer ? answer.error.message : valueIn(answer.body.reveal())));
  if (answers.every((answer) => "body" in answer)) transaction.commit(values.join());
  transaction.end();
  return values.join(" ");
}

function valueIn(body: JsonObject | Buffer | null): string {
  return String((body as { data: { value: string } }).data.value);
}

const reads = () =>
  vault.calls
    .filter((call) => call.startsWith("GET"))
    .map((call) => call.at(-1))
    .join("");

describe("when one static answer of a volume is due, all are read", () => {
  const due: [string, () => Promise<unknown>, Mount][] = [
    ["the refresh interval has passed", () => clock.advance(2 * minute), {}],
    ["the class's interval is shorter now", () => clock.advance(minute), { refreshIntervalMs: minute }],
    ["the pod requests a refresh", async () => (refresh = "now"), {}],
    ["a file could not be made of one", async () => credentials.source.begin(samplePrincipal()).invalidate(b), {}],
    [
      "another volume of the pod has read a changed one",
      async () => {
        write({ b: "2" });
        await mount([b], { principal: other, refreshIntervalMs: 1 });
      },
      {},
    ],
  ];
  test.each(due)("%s", async (_why, happens, options) => {
    write({ a: "1", b: "1" });
    expect(await mount([a, b])).toBe("1 1");
    expect(await mount([a, b])).toBe("1 1");
    expect(reads()).toBe("");
    await happens();
    write({ a: "2", b: "2" });
    expect(await mount([a, b], options)).toBe("2 2");
    expect(reads(), "once more, for they have changed").toBe("abab");
  });

  test("the engine rotates one by its own schedule", async () => {
    write({ a: "1" });
    const password = (value: string, ttl: number): JsonObject => ({
      mount_type: "database",
      data: { value, last_vault_rotation: "2026-01-01T00:00:00Z", ttl: new LosslessNumber(String(ttl)) },
    });
    vault.replies.set(b.path, { body: password("1", 30) });
    await mount([a, b]);
    write({ a: "2" });
    vault.replies.set(b.path, { body: password("2", 60) });
    await clock.advance(32_000);
    expect(await mount([a, b])).toBe("2 2");
  });

  test("the class asks for another", async () => {
    write({ a: "1", b: "1" });
    await mount([a]);
    write({ a: "2", b: "2" });
    expect(await mount([a, b])).toBe("2 2");
  });

  test("volumes of one pod do not make each other read for ever", async () => {
    write({ a: "1", b: "1" });
    await mount([a, b]);
    await mount([a, b], { principal: other });
    write({ a: "2", b: "2" });
    await clock.advance(2 * minute);
    let sent = "";
    for (let n = 0; n < 3; n += 1) {
      expect(await mount([a, b])).toBe("2 2");
      sent += reads();
      expect(await mount([a, b], { principal: other })).toBe("2 2");
      sent += reads();
    }
    expect(sent).toBe("abababab");
  });

  test("an optional secret that is not there is asked for at each Mount, without the others", async () => {
    write({ a: "1" });
    vault.replies.set(b.path, "missing");
    for (let n = 0; n < 3; n += 1) {
      const transaction = credentials.source.begin(samplePrincipal());
      vault.calls.length = 0;
      await answersTo(transaction, [a, b], { optional: true });
      transaction.commit("v");
      transaction.end();
      expect(reads()).toBe(n === 0 ? "ab" : "b");
      await clock.advance(5_000);
    }
  });
});

test.each([
  [0, 120_000],
  [0.5, 114_000],
  [0.999_999, 108_000],
])("with a draw of %d a volume is read again after %d ms, never later than its interval", async (drawn, afterMs) => {
  draw = drawn;
  write({ a: "1" });
  const transaction = credentials.source.begin(samplePrincipal());
  await answersTo(transaction, [a]);
  transaction.commit("v");
  await clock.advance(afterMs - 1_000);
  await mount([a]);
  expect(reads()).toBe("");
  await clock.advance(1_000);
  await mount([a]);
  expect(reads()).toBe("a");
});

describe("a set whose reads fall between the writes of one change", () => {
  /** Vault's value of a secret: the first of the list at first, then the next at each read, the last for good. */
  const turning = (...values: string[]) => {
    let at = 0;
    return () => values[Math.min(at++, values.length - 1)]!;
  };
  const cases: [string, Record<string, string | (() => string)>, string, string][] = [
    ["nothing changed: no further read", { a: "1", b: "1", c: "1" }, "1 1 1", "abc"],
    ["all changed: all once more", { a: "2", b: "2", c: "2" }, "2 2 2", "abcabc"],
    ["one changed: all once more", { a: "1", b: "2", c: "1" }, "1 2 1", "abcabc"],
    ["one was written just after it was read", { a: turning("1", "2"), b: "2", c: "2" }, "2 2 2", "abcabcabc"],
    ["two were", { a: turning("1", "2"), b: "2", c: turning("1", "2") }, "2 2 2", "abcabcabc"],
    ["it was of a change before, not yet delivered", { a: turning("2", "3"), b: "3", c: "3" }, "3 3 3", "abcabcabc"],
    ["another change follows", { a: turning("1", "2"), b: "2", c: turning("1", "1", "2") }, "2 2 2", "abcabcabc"],
    ["it goes on: two rounds, and no more", { a: turning("1", "2", "3", "4"), b: "2", c: "1" }, "3 2 1", "abcabcabc"],
  ];
  test.each(cases)("%s", async (_what, now, values, sent) => {
    write({ a: "1", b: "1", c: "1" });
    await mount([a, b, c]);
    write(now);
    await clock.advance(2 * minute);
    expect(await mount([a, b, c])).toBe(values);
    expect(reads()).toBe(sent);
  });

  test("is not looked for in a volume of one secret, nor at the first Mount", async () => {
    write({ a: "1", b: "1" });
    await mount([a, b]);
    expect(reads()).toBe("ab");
    await mount([c], { principal: other, optional: true });
    write({ c: "1" });
    await mount([c], { principal: other });
    write({ c: "2" });
    await clock.advance(2 * minute);
    expect(await mount([c], { principal: other })).toBe("2");
    expect(reads()).toBe("c");
  });

  test("ends with the call", async () => {
    write({ a: "1", b: "1" });
    await mount([a, b]);
    write({ a: "2" });
    await clock.advance(2 * minute);
    const call = new AbortController();
    const transaction = credentials.source.begin(samplePrincipal());
    const reading = answersTo(transaction, [a, b], {}, call.signal);
    await clock.advance(100);
    call.abort(new ProviderError("deadline_exceeded", "the call's time is over"));
    await expect(reading).rejects.toThrow("the call's time is over");
    transaction.end();
    expect(clock.sleepers).toBe(0);
    expect(await mount([a, b])).toBe("2 1");
  });
});

describe("when one of the set cannot be read", () => {
  test("all stay as last delivered, and follow together when it can be read again", async () => {
    write({ a: "1", b: "1", c: "1" });
    await mount([a, b, c]);
    write({ a: "2", b: "outage", c: "2" });
    await clock.advance(2 * minute);
    expect(await mount([a, b, c])).toBe("1 1 1");
    expect(stale).toEqual([b.path]);
    write({ a: "3", b: "3", c: "3" });
    expect(await mount([a, b, c])).toBe("1 1 1");
    expect(reads(), "while it is too early, no other is asked for").toBe("");
    expect(stale).toEqual([b.path, b.path]);
    await clock.advance(5 * minute);
    expect(await mount([a, b, c])).toBe("3 3 3");
  });

  test("before the first delivery none stands in for a newer one, and it is asked for again as soon as a pod that waits", async () => {
    write({ a: "1", b: "outage" });
    expect(await mount([a, b])).toBe("1 outage at kv/b");
    write({ a: "outage", b: "2" });
    await clock.advance(2 * minute);
    for (let times = 0; times < 8; times += 1) {
      expect(await mount([a, b])).toBe("outage at kv/a 2");
      expect(reads()).toContain("a");
      await clock.advance(1_500);
    }
    expect(stale).toEqual([]);
    write({ a: "2" });
    expect(await mount([a, b])).toBe("2 2");
  });

  test("after an outage, the login of one that cannot wait is for all: none of the set is left behind it", async () => {
    draw = 0.9; // Far back among those who log in again.
    write({ a: "1", b: "1" });
    await mount([a]);
    await clock.advance(2 * hour);
    vault.failures.push({ verb: "login", kind: "outage" });
    expect(await mount([a])).toBe("1");
    write({ a: "2", b: "2" });
    expect(await mount([a])).toBe("1");
    expect(stale).toEqual(["kv/a", "kv/a"]);
    expect(await mount([a, b])).toBe("2 2");
  });

  test("they follow even if no interval has passed since the others were read", async () => {
    write({ a: "1", b: "1" });
    await mount([a, b], { refreshIntervalMs: 60 * minute });
    write({ a: "2", b: "outage" });
    await clock.advance(60 * minute);
    await mount([a, b], { refreshIntervalMs: 60 * minute });
    write({ b: "2" });
    await clock.advance(6 * minute);
    expect(await mount([a, b], { refreshIntervalMs: 60 * minute })).toBe("2 2");
  });

  test.each(["denied", "deleted"] as const)("the others go on without one that is %s", async (kind) => {
    write({ a: "1", b: "1", c: "1" });
    await mount([a, b, c]);
    for (const round of ["2", "3"]) {
      write({ a: round, b: kind, c: round });
      await clock.advance(2 * minute);
      expect(await mount([a, b, c])).toBe(`${round} 1 ${round}`);
    }
  });

  test("while the others are read once more, all stay as last delivered", async () => {
    write({ a: "1", b: "1" });
    await mount([a, b]);
    let asked = 0;
    vault.replies.set(a.path, () => ((asked += 1) > 1 ? "outage" : { body: { data: { value: "1" } } }));
    write({ b: "2" });
    await clock.advance(2 * minute);
    expect(await mount([a, b])).toBe("1 1");
    write({ a: "2" });
    await clock.advance(6 * minute);
    expect(await mount([a, b])).toBe("2 2");
  });

  test("a refresh that the pod requests stays requested", async () => {
    write({ a: "1", b: "1" });
    await mount([a, b]);
    refresh = "now";
    write({ a: "2", b: "outage" });
    expect(await mount([a, b])).toBe("1 1");
    write({ a: "2", b: "1" });
    await clock.advance(minute);
    expect(await mount([a, b])).toBe("2 1");
    expect(await mount([a, b])).toBe("2 1");
    expect(reads()).toBe("");
  });

  test("a credential beside them is replaced all the same", async () => {
    const creds: VaultRequest = { method: "GET", path: "database/creds/app", query: "" };
    const login = (value: string) => ({
      body: { data: { value } },
      lease: { id: value, durationMs: 30 * minute, renewable: false },
    });
    write({ a: "1", b: "1" });
    vault.replies.set(creds.path, login("login-1"));
    await mount([a, b, creds]);
    write({ a: "2", b: "engine" });
    vault.replies.set(creds.path, login("login-2"));
    await clock.advance(25 * minute);
    expect(await mount([a, b, creds])).toBe("1 1 login-2");
  });
});

describe("answers are of equal content", () => {
  const of = (change: JsonObject, data: JsonObject = {}): JsonObject => ({
    request_id: "r",
    lease_duration: new LosslessNumber("0"),
    data: { value: "1", ...data },
    ...change,
  });
  const rotating = { last_vault_rotation: "2026-01-01T00:00:00Z", rotation_period: new LosslessNumber("600") };
  const ttl = (seconds: string) => ({ ...rotating, ttl: new LosslessNumber(seconds) });
  const pairs: [string, JsonObject | Buffer | null, JsonObject | Buffer | null, "same" | "changed"][] = [
    ["another request_id", of({}), of({ request_id: "s" }), "same"],
    ["another lease_duration", of({}), of({ lease_duration: new LosslessNumber("9") }), "same"],
    ["less time until a static role's password turns", of({}, ttl("300")), of({}, ttl("200")), "same"],
    [
      "a ttl that a user has stored",
      of({}, { ttl: new LosslessNumber("3") }),
      of({}, { ttl: new LosslessNumber("2") }),
      "changed",
    ],
    [
      "other digits of a number",
      of({}, { n: new LosslessNumber("1.0") }),
      of({}, { n: new LosslessNumber("1.00") }),
      "changed",
    ],
    ["a warning", of({}), of({ warnings: ["w"] }), "changed"],
    ["a key more", of({}), of({}, { more: "" }), "changed"],
    ["keys in another order", of({}, { x: "1", y: "2" }), of({}, { y: "2", x: "1" }), "same"],
    ["bytes", Buffer.from("ab"), Buffer.from("ab"), "same"],
    ["other bytes", Buffer.from("ab"), Buffer.from("ac"), "changed"],
    ["nothing", null, null, "same"],
  ];
  test.each(pairs)("%s", async (_what, before, after, which) => {
    write({ a: "1" });
    vault.replies.set(b.path, { body: before });
    const transaction = credentials.source.begin(samplePrincipal());
    await answersTo(transaction, [a, b]);
    transaction.commit("v");
    transaction.end();
    vault.replies.set(b.path, { body: after });
    await clock.advance(2 * minute);
    vault.calls.length = 0;
    const again = answersTo(credentials.source.begin(samplePrincipal()), [a, b]);
    await clock.advance(200);
    await again;
    // A set of which one has changed is read once more.
    expect(reads()).toBe(which === "same" ? "ab" : "abab");
  });
});
