import fc from "fast-check";
import { type PersistedOwner, readOwner, writeOwner } from "../src/leases/state-codec.js";
import type { CachedSecret } from "../src/leases/cached-secret.js";
import { type VolumeRecord, newEntry } from "../src/leases/cache-entry.js";
import { sampleConnection } from "../dev/testing/connection.js";
import { CountingVault } from "../dev/testing/counting-vault.js";
import { FakeClock } from "../dev/testing/fake-clock.js";
import { openState } from "../dev/testing/open-state.js";
import { RecordsInMemory } from "../dev/testing/records-in-memory.js";
import { sampleStoredToken, testCredentials } from "../dev/testing/test-credentials.js";
import { Redacted } from "../src/shared/redacted.js";
import { canaries, expectNoCanary } from "./canaries.js";
import { damagedText } from "./mutations.js";
import type { Target } from "./target.js";

/** What is written for a volume with a login and a KV secret beside it. */
function sampleRecord(): string {
  const token = { ...sampleStoredToken().token, secret: new Redacted<string>(canaries.vaultToken.value) };
  const stored = sampleStoredToken({ token, leases: 1 });
  const answer: CachedSecret = {
    kind: "leased",
    body: new Redacted({ data: { password: canaries.secretValue.value } }),
    bytes: 2048,
    readAt: 0,
    term: { ...stored.term },
    lease: { id: new Redacted<string>(canaries.leaseId.value), renewable: true, durationMs: 3_600_000 },
    stored,
    engine: "database",
    failures: 0,
    retryAt: 0,
    wasRenewed: false,
  };
  const { lease: _lease, term: _term, ...plain } = answer;
  const of = { ownerKey: stored.ownerKey, namespace: "shop" };
  const entry = (path: string, given: CachedSecret) =>
    newEntry({ ...of, key: path, request: { method: "GET", path, query: "" } }, given);
  const entries = [entry("database/creds/app", answer), entry("kv/data/app", { ...plain, kind: "static" })];
  const volume: VolumeRecord = {
    ...of,
    key: "volume",
    volumeKey: "/pods/uid-1/volumes/kubernetes.io~csi/secrets/mount",
    pod: { namespace: "shop", name: "web-0", uid: "uid-1" },
    entries: new Set(entries),
    delivered: new Map(entries.map((one) => [one, one.answer!])),
    seenAt: 0,
    deliveries: 2,
    contentsDigest: "v",
  };
  const account: PersistedOwner = {
    ownerKey: stored.ownerKey,
    tokens: [
      stored,
      sampleStoredToken({
        token: { ...token, secret: new Redacted(`${canaries.vaultToken.value}2`) },
        state: "leaving",
      }),
    ],
    volumes: [volume],
  };
  return writeOwner(account, 0, () => true)!
    .reveal()
    .toString();
}

const sample = sampleRecord();
const changed = (part: string, change: object) => {
  const record = JSON.parse(sample) as Record<string, object[]>;
  return JSON.stringify({ ...record, [part]: record[part]!.map((one) => ({ ...one, ...change })) });
};

/** Records of the state directory, once they are unsealed: of another version, or of a keymount with a fault. */
export const stateRecordsTarget: Target<string> = {
  name: "state-records",
  cases: damagedText(fc.constant(sample)),
  regressions: [
    sample,
    "",
    "{}",
    sample.slice(0, -1),
    changed("volumes", { entries: [7] }),
    changed("volumes", { delivered: [[0, 7]] }),
    changed("answers", { stored: -1 }),
    changed("entries", { answer: 0.5 }),
  ],
  open() {
    return Promise.resolve({
      check: async (text) => {
        const bytes = new Redacted(Buffer.from(text));
        const told = readOwner(bytes, { connections: [sampleConnection()], now: 0, known: () => undefined });
        if (typeof told === "string") expectNoCanary("why a record is not read", told);
        await liveWith(bytes);
      },
      close: () => Promise.resolve(),
    });
  },
};

/** A process that takes the record up works on: it renews, writes, and revokes what is not needed. */
async function liveWith(record: Redacted<Buffer>): Promise<void> {
  const clock = new FakeClock();
  const life = new AbortController();
  const credentials = testCredentials({
    client: new CountingVault(clock),
    clock,
    lifetime: life.signal,
    lives: () => true,
  });
  openState(credentials.state, new RecordsInMemory(), [{ name: "record", payload: record }], [sampleConnection()]);
  for (let minutes = 0; minutes < 90; minutes += 30) {
    await clock.advance(30 * 60_000);
    credentials.renewalLoop.tick(life.signal);
    credentials.tokens.revokeLeaving();
    await credentials.renewalLoop.settled();
  }
  for (const { ownerKey } of [...credentials.cache.volumes()]) await credentials.journal.persist(ownerKey);
  credentials.cache.forgetPod("uid-1");
  await credentials.tokens.revokeAll();
  await credentials.journal.settled();
  life.abort();
}
