import { z } from "zod";
import type { Connection } from "../config/connection.js";
import { vaultMethods } from "../mount/mount-spec.js";
import { Redacted } from "../shared/redacted.js";
import { hangsOnToken } from "../vault/hangs-on-token.js";
import { type StoredToken, tokenStates } from "../vault/stored-token.js";
import { type Term, dueNow, endOf } from "../vault/term.js";
import { answerText, bodyInText, recordedBytes } from "./answer-text.js";
import { type CachedSecret, heldBytes, isCredential } from "./cached-secret.js";
import { type CacheEntry, type VolumeRecord, newEntry } from "./cache-entry.js";

/** The tokens and volumes of one owner key. */
export interface PersistedOwner {
  ownerKey: string;
  /** Those of the store. */
  tokens: readonly StoredToken[];
  volumes: readonly VolumeRecord[];
}

/** JSON has no `Infinity`. */
const number = z.number().nullable();
const term = z.object({
  grantedAt: z.number(),
  grantedMs: number,
  askMs: number,
  renewable: z.boolean(),
  renewAfter: z.number(),
});
const pod = z.object({ namespace: z.string(), name: z.string(), uid: z.string() });
const record = z.object({
  /** `Clock.monotonic()`; all other times in it are of the same clock. */
  writtenAt: z.number(),
  ownerKey: z.string(),
  connection: z.object({ name: z.string(), origins: z.array(z.string()) }),
  tokens: z.array(
    z.object({
      state: z.enum(tokenStates),
      vaultNamespace: z.string(),
      authMount: z.string(),
      role: z.string(),
      caller: z.object({ namespace: z.string(), pod: z.string().exactOptional() }),
      token: z.object({
        secret: z.string(),
        accessor: z.string(),
        type: z.enum(["service", "batch"]),
        renewable: z.boolean(),
        issuedAt: z.number(),
        ttlMs: z.number().exactOptional(),
        uses: z.number().exactOptional(),
      }),
      term,
      serviceToken: term.exactOptional(),
      wasRenewed: z.boolean(),
      maySelfLookup: z.boolean().exactOptional(),
      usesLeft: number,
      leases: z.number(),
    }),
  ),
  answers: z.array(
    z.object({
      stored: z.number(),
      kind: z.enum(["static", "leased", "issued"]),
      body: z.string(),
      bytes: z.number(),
      readAt: z.number(),
      turnsAt: z.number().exactOptional(),
      term: term.exactOptional(),
      lease: z.object({ id: z.string(), renewable: z.boolean(), durationMs: z.number() }).exactOptional(),
      engine: z.string(),
      gone: z.boolean(),
      wasRenewed: z.boolean(),
    }),
  ),
  entries: z.array(
    z.object({
      key: z.string(),
      namespace: z.string(),
      request: z.object({
        method: z.enum(vaultMethods),
        path: z.string(),
        query: z.string(),
        args: z.string().exactOptional(),
      }),
      answer: z.number().exactOptional(),
      creating: z.boolean(),
    }),
  ),
  volumes: z.array(
    z.object({
      key: z.string(),
      namespace: z.string(),
      volumeKey: z.string(),
      pod: pod.exactOptional(),
      seenAt: z.number(),
      entries: z.array(z.number()),
      delivered: z.array(z.tuple([z.number(), z.number()])),
      deliveries: z.number(),
      versions: z.string().exactOptional(),
      refresh: z.string().exactOptional(),
    }),
  ),
});
type OwnerRecord = z.output<typeof record>;
type TermRecord = z.output<typeof term>;

/**
 * What must survive the process, as bytes; `undefined` when there is nothing. Volumes that hold a credential are written
 * with all of their answers, if `admits` takes the bytes of the static ones; the others without static answers, which are
 * read again. The bytes hold every secret of the owner key.
 */
export function writeOwner(
  { ownerKey, tokens, volumes }: PersistedOwner,
  now: number,
  admits: (bytes: number) => boolean,
): Redacted<Buffer> | undefined {
  const written = new Numbered<StoredToken>();
  const answers = new Numbered<CachedSecret>();
  const entries = new Numbered<CacheEntry>();
  const statics = new Set<CachedSecret>();
  const isWritten = (answer: CachedSecret) => isCredential(answer) || statics.has(answer);
  for (const stored of tokens) written.of(stored);
  const kept = volumes.map((volume) => {
    const whole = admitsStatics(volume, statics, admits);
    const used = [...volume.entries].filter((entry) => whole || isOfCredential(volume, entry));
    return {
      key: volume.key,
      namespace: volume.namespace,
      volumeKey: volume.volumeKey,
      ...(volume.pod && { pod: volume.pod }),
      seenAt: volume.seenAt,
      entries: used.map((entry) => entries.of(entry)),
      delivered: used.flatMap((entry): [number, number][] => {
        const answer = volume.delivered.get(entry);
        return answer && isWritten(answer) ? [[entries.of(entry), answers.of(answer)]] : [];
      }),
      deliveries: volume.deliveries,
      ...(volume.contentsDigest !== undefined && { versions: volume.contentsDigest }),
      ...(volume.refresh !== undefined && { refresh: volume.refresh }),
    };
  });
  const entryRecords = entries.all.map(({ key, namespace, request, answer, creating }) => {
    const { method, path, query, args } = request;
    return {
      key,
      namespace,
      request: { method, path, query, ...(args && { args: args.reveal() }) },
      ...(answer && isWritten(answer) && { answer: answers.of(answer) }),
      creating,
    };
  });
  const all = answers.all.map((answer) => [answer, written.of(answer.stored)] as const);
  const [first] = written.all;
  if (!first) return undefined;
  const owner: Omit<OwnerRecord, "answers"> = {
    writtenAt: now,
    ownerKey,
    connection: { name: first.connection.name, origins: first.connection.addresses.map(({ origin }) => origin) },
    tokens: written.all.map(tokenRecord),
    entries: entryRecords,
    volumes: kept,
  };
  // One answer after another, so that the heap holds the text of one at a time.
  const pieces = all.map(([answer, stored], index) =>
    Buffer.from(`${index > 0 ? "," : ""}${JSON.stringify(answerRecord(answer, stored))}`),
  );
  const start = Buffer.from(`${JSON.stringify(owner).slice(0, -1)},"answers":[`);
  return new Redacted(Buffer.concat([start, ...pieces, Buffer.from("]}")]));
}

/** Whether all answers of the volume are written. Adds its static ones to those that are. */
function admitsStatics(volume: VolumeRecord, written: Set<CachedSecret>, admits: (bytes: number) => boolean): boolean {
  const all = [...volume.entries];
  if (!all.some(holdsOrMakesCredential)) return false;
  const sizes = new Map<CachedSecret, number>();
  for (const entry of all) {
    for (const answer of [entry.answer, volume.delivered.get(entry)]) {
      if (answer?.kind !== "static" || written.has(answer)) continue;
      sizes.set(answer, heldBytes(recordedBytes(answer.body), entry.request));
    }
  }
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (bytes > 0 && !admits(bytes)) return false;
  for (const answer of sizes.keys()) written.add(answer);
  return true;
}

function isOfCredential({ delivered }: VolumeRecord, entry: CacheEntry): boolean {
  const given = delivered.get(entry);
  return holdsOrMakesCredential(entry) || (given !== undefined && isCredential(given));
}

/** An owner from its bytes, for a process that may know other connections. */
export interface RestoredOwner extends PersistedOwner {
  /** Credentials that had been requested and may have been created without being recorded. */
  lost: readonly CacheEntry[];
}

export interface ReadParts {
  connections: readonly Connection[];
  /** `Clock.monotonic()`. */
  now: number;
  /** A token that this process has already: the leases of the record then belong to that one. */
  known: (ownerKey: string, secret: string) => StoredToken | undefined;
}

/**
 * Reads what `writeOwner` wrote. Returns the reason if it cannot: it has another format, or its connection is gone or leads to
 * other servers now, which must not get its tokens. Times in the future are of another clock (a node's time
 * since boot that went back): then it is unknown when anything ends, so all of it is due now.
 */
export function readOwner(bytes: Redacted<Buffer>, { connections, now, known }: ReadParts): RestoredOwner | string {
  const read = record.safeParse(parsed(bytes));
  if (!read.success || !isWhole(read.data)) return "its record is not one of this version of keymount";
  const { ownerKey, connection: of, ...rest } = isOfThisClock(read.data, now) ? read.data : dueAtOnce(read.data, now);
  const connection = connections.find(({ name }) => name === of.name);
  if (!connection?.addresses.some(({ origin }) => of.origins.includes(origin))) {
    return `the connection ${of.name} is not configured any more, or with other addresses`;
  }
  const tokens = rest.tokens.map((record) => {
    const stored = storedTokenOf(record, ownerKey, connection);
    const here = known(ownerKey, record.token.secret);
    return here ? merged(here, stored) : stored;
  });
  const answers = rest.answers.map((answer) => cachedSecretOf(answer, tokens));
  if (answers.includes(undefined)) return "its record holds an answer that cannot be read";
  // Other versions count leases alone, and no child tokens.
  for (const stored of tokens) {
    const hanging = answers.filter((answer) => answer?.stored === stored && hangsOnToken(answer));
    stored.leases = Math.max(stored.leases, hanging.length);
  }
  const entries = rest.entries.map(({ answer, request, ...entry }) => {
    const { args, ...plain } = request;
    const asked = { ...plain, ...(args !== undefined && { args: new Redacted(args) }) };
    return newEntry({ ...entry, ownerKey, request: asked }, answer === undefined ? undefined : answers[answer]);
  });
  const at = (index: number) => entries[index]!;
  const volumes = rest.volumes.map(
    ({ entries: used, delivered, versions, ...volume }): VolumeRecord => ({
      ...volume,
      ownerKey,
      entries: new Set(used.map(at)),
      delivered: new Map(delivered.map(([entry, answer]) => [at(entry), answers[answer]!])),
      seenAt: Math.min(volume.seenAt, now),
      ...(versions !== undefined && { contentsDigest: versions }),
    }),
  );
  return {
    ownerKey,
    tokens: tokens.filter(({ state }) => state !== "dead"),
    volumes,
    lost: entries.filter((_entry, index) => rest.entries[index]!.creating),
  };
}

function isOfThisClock({ writtenAt, tokens, answers }: OwnerRecord, now: number): boolean {
  const grants = [...tokens, ...answers].map((one) => one.term?.grantedAt ?? 0);
  return [writtenAt, ...grants, ...answers.map(({ readAt }) => readAt)].every((at) => at <= now);
}

function dueAtOnce(owner: OwnerRecord, now: number): OwnerRecord {
  const due = (granted: TermRecord) => termRecord(dueNow(termOf(granted), now));
  return {
    ...owner,
    tokens: owner.tokens.map(({ serviceToken, ...stored }) => ({
      ...stored,
      term: due(stored.term),
      ...(serviceToken && { serviceToken: due(serviceToken) }),
    })),
    answers: owner.answers.map((answer) => ({
      ...answer,
      readAt: now,
      turnsAt: now,
      ...(answer.term && { term: due(answer.term) }),
    })),
  };
}

/** Merges what two processes know of one token: the one that renewed it last knows its end. */
function merged(here: StoredToken, restored: StoredToken): StoredToken {
  if (endOf(restored.term) > endOf(here.term)) here.term = restored.term;
  here.wasRenewed ||= restored.wasRenewed;
  here.leases = Math.max(here.leases, restored.leases);
  here.usesLeft = Math.min(here.usesLeft, restored.usesLeft);
  return here;
}

/** Whether all references resolve. */
function isWhole({ tokens, answers, entries, volumes }: OwnerRecord): boolean {
  const among = (things: readonly unknown[]) => (index: number | undefined) => index === undefined || index in things;
  return (
    answers.every(({ stored }) => among(tokens)(stored)) &&
    entries.every(({ answer }) => among(answers)(answer)) &&
    volumes.every(
      ({ entries: used, delivered }) =>
        used.every(among(entries)) &&
        delivered.every(([entry, answer]) => among(entries)(entry) && among(answers)(answer)),
    )
  );
}

/** Numbers items in the order of their first use. */
class Numbered<T> {
  readonly #numbers = new Map<T, number>();

  of(thing: T): number {
    const known = this.#numbers.get(thing);
    if (known !== undefined) return known;
    this.#numbers.set(thing, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  get all(): T[] {
    return [...this.#numbers.keys()];
  }
}

function holdsOrMakesCredential({ answer, creating }: CacheEntry): boolean {
  return creating || (answer !== undefined && isCredential(answer));
}

function tokenRecord(stored: StoredToken): OwnerRecord["tokens"][number] {
  const { state, vaultNamespace, authMount, role, caller, token, wasRenewed, maySelfLookup, usesLeft, leases } = stored;
  return {
    state,
    vaultNamespace,
    authMount,
    role,
    caller,
    token: { ...token, secret: token.secret.reveal() },
    term: termRecord(stored.term),
    ...(stored.serviceToken && { serviceToken: termRecord(stored.serviceToken) }),
    wasRenewed,
    ...(maySelfLookup !== undefined && { maySelfLookup }),
    usesLeft: finite(usesLeft),
    leases,
  };
}

function storedTokenOf(
  { token, term: granted, serviceToken, usesLeft, ...rest }: OwnerRecord["tokens"][number],
  ownerKey: string,
  connection: Connection,
): StoredToken {
  return {
    ...rest,
    ownerKey,
    connection,
    token: { ...token, secret: new Redacted(token.secret) },
    term: termOf(granted),
    ...(serviceToken && { serviceToken: termOf(serviceToken) }),
    usesLeft: usesLeft ?? Infinity,
    failures: 0,
    retryAt: 0,
    inUse: 0,
  };
}

function answerRecord(answer: CachedSecret, stored: number): OwnerRecord["answers"][number] {
  const { kind, body, bytes, readAt, turnsAt, term: granted, lease, engine, gone, wasRenewed } = answer;
  return {
    stored,
    kind,
    body: answerText(body),
    bytes,
    readAt,
    ...(turnsAt !== undefined && { turnsAt }),
    ...(granted && { term: termRecord(granted) }),
    ...(lease && { lease: { ...lease, id: lease.id.reveal() } }),
    engine,
    gone: gone === true,
    wasRenewed,
  };
}

function cachedSecretOf(
  { stored, body: text, term: granted, lease, ...rest }: OwnerRecord["answers"][number],
  tokens: readonly StoredToken[],
): CachedSecret | undefined {
  const body = bodyInText(text);
  const asked = tokens[stored];
  if (!asked || body === undefined) return undefined;
  return {
    ...rest,
    body: new Redacted(body),
    stored: asked,
    ...(granted && { term: termOf(granted) }),
    ...(lease && { lease: { ...lease, id: new Redacted(lease.id) } }),
    failures: 0,
    retryAt: 0,
  };
}

function termRecord({ grantedMs, askMs, ...rest }: Term): TermRecord {
  return { ...rest, grantedMs: finite(grantedMs), askMs: finite(askMs) };
}

function termOf({ grantedMs, askMs, ...rest }: TermRecord): Term {
  return { ...rest, grantedMs: grantedMs ?? Infinity, askMs: askMs ?? Infinity };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function parsed(bytes: Redacted<Buffer>): unknown {
  try {
    return JSON.parse(bytes.reveal().toString());
  } catch {
    return undefined; // The parser's message would quote secrets.
  }
}
