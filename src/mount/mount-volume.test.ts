import { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { inProcessRenderer } from "../../dev/testing/in-process-renderer.js";
import { describe, expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import { samplePrincipal } from "../../dev/testing/counting-vault.js";
import type { MountSpec, ObjectSpec } from "./mount-spec.js";
import { type MountParts, mountVolume } from "./mount-volume.js";
import type { FetchResult } from "./ports.js";
import { type ReadOptions, transactionBy } from "../../dev/testing/read-requests.js";

const never = new AbortController().signal;

function object(objectName: string, key = "value"): ObjectSpec {
  return {
    objectName,
    request: { method: "GET", path: `secret/data/${objectName}`, query: "" },
    secretKey: { key },
    encoding: "utf-8",
    refreshIntervalMs: 120_000,
  };
}

function spec(objects: ObjectSpec[]): MountSpec {
  return {
    pod: samplePrincipal().pod,
    class: { roleName: "web", onDenied: "keep", objects, overruled: [], unknown: [] },
    tokens: new Map(),
    targetPath: "/target",
    defaultMode: 0o644,
    parametersDigest: "digest",
  };
}

/** Answers by path: a value, or an error to throw. */
function parts(told: Record<string, string | ProviderError | FetchResult>, responseBytes = 1 << 20) {
  const committed: string[] = [];
  const invalidated: string[] = [];
  const ended: string[] = [];
  const transaction = transactionBy(
    ({ path }) => {
      const answer = told[path];
      if (answer === undefined || answer instanceof ProviderError) throw answer ?? new Error("not told");
      return typeof answer === "string" ? { body: bodyOf(answer) } : answer;
    },
    {
      previous: ({ path }) => void invalidated.push(path),
      invalidate: ({ path }) => void invalidated.push(path),
      commit(versions) {
        committed.push(versions);
        return { unchanged: committed.at(-2) === versions };
      },
      end: () => ended.push("ended"),
    },
  );
  const made: MountParts & { committed: string[]; invalidated: string[]; ended: string[] } = {
    answers: { begin: () => transaction },
    renderer: inProcessRenderer,
    clock: new FakeClock(),
    scheduler: new EventLoopScheduler(new FakeClock()),
    versionKey: () => Promise.resolve(new Redacted(Buffer.alloc(32, 1))),
    responseBytes,
    committed,
    invalidated,
    ended,
  };
  return made;
}

function bodyOf(value: string) {
  return new Redacted({ data: { value } });
}

function mount(objects: ObjectSpec[], with_: MountParts) {
  return mountVolume(spec(objects), samplePrincipal(), with_, never);
}

test("every object gives its file, and a version under its name", async () => {
  const volume = await mount([object("a"), object("b")], parts({ "secret/data/a": "1", "secret/data/b": "2" }));
  expect(volume.files.map(({ path, contents }) => [path, contents.reveal().toString()])).toEqual([
    ["a", "1"],
    ["b", "2"],
  ]);
  expect(volume.versions.map(({ id }) => id)).toEqual(["a", "b"]);
  expect(new Set(volume.versions.map(({ version }) => version)).size).toBe(2);
});

test("a Mount whose caller gives up while files are made commits nothing", async () => {
  const with_ = parts({ "secret/data/a": "1" });
  const caller = new AbortController();
  with_.versionKey = () => {
    caller.abort(new ProviderError("cancelled", "the caller gave up"));
    return Promise.resolve(new Redacted(Buffer.alloc(32, 1)));
  };
  await expect(mountVolume(spec([object("a")]), samplePrincipal(), with_, caller.signal)).rejects.toThrow("gave up");
  expect(with_.committed).toEqual([]);
});

test("the transaction ends when the Mount has failed or its answer has left, and not before", async () => {
  const [failing, delivering] = [parts({}), parts({ "secret/data/a": "1" })];
  await expect(mount([object("a")], failing)).rejects.toThrow();
  expect(failing.ended).toHaveLength(1);
  const left = new AbortController();
  await mountVolume(spec([object("a")]), samplePrincipal(), delivering, never, left.signal);
  expect(delivering.ended).toHaveLength(0);
  left.abort();
  expect(delivering.ended).toHaveLength(1);
});

test("a second Mount of the same values is unchanged", async () => {
  const same = parts({ "secret/data/a": "1" });
  expect((await mount([object("a")], same)).unchanged).toBe(false);
  expect((await mount([object("a")], same)).unchanged).toBe(true);
});

describe("rolloutOnChange: false", () => {
  const steady = (name: string): ObjectSpec => ({ ...object(name), rolloutOnChange: false });
  const missing = new ProviderError("not_found", "nothing at secret/data/a");
  const told: [string, string | ProviderError][] = [
    ["one value", "1"],
    ["another", "2"],
    ["none, where it may be missing", missing],
  ];
  const mounted = (answer: string | ProviderError) =>
    mount(
      [{ ...steady("a"), optional: true }, object("b")],
      parts({ "secret/data/a": answer, "secret/data/b": "constant" }),
    );

  test.each(told)("its version is the same with %s", async (_name, answer) => {
    expect((await mounted(answer)).versions).toEqual((await mounted("1")).versions);
  });

  test("what changes with its content is told all the same, and the Mount is not unchanged", async () => {
    const contents = await Promise.all(told.map(async ([, answer]) => (await mounted(answer)).contents));
    expect(new Set(contents.map(([a]) => a!.version)).size).toBe(told.length);
    expect(new Set(contents.map(([, b]) => b!.version)).size).toBe(1);
    const changing: Record<string, string> = { "secret/data/a": "1" };
    const both = parts(changing);
    await mount([steady("a")], both);
    changing["secret/data/a"] = "2";
    expect((await mount([steady("a")], both)).unchanged).toBe(false);
  });
});

test("an object served stale is reported, with the reason", async () => {
  const error = new ProviderError("unavailable", "Vault is sealed");
  const volume = await mount(
    [object("a")],
    parts({ "secret/data/a": { body: new Redacted({ data: { value: "1" } }), staleReason: error } }),
  );
  expect(volume.stale).toEqual([{ objectName: "a", error }]);
});

test("one failure fails the Mount; every failure is named, and what lasts gives the code", async () => {
  const failing = parts({
    "secret/data/a": new ProviderError("unavailable", "Vault is sealed"),
    "secret/data/b": "2",
    "secret/data/c": "3",
    "secret/data/d": new ProviderError("unavailable", "Vault is sealed"),
  });
  const mounting = mount([object("a"), object("b"), object("c", "nope"), object("d")], failing);
  await expect(mounting).rejects.toMatchObject({
    code: "not_found",
    message: 'a, d: Vault is sealed; c: no key "nope" at secret/data/c (it has: value)',
  });
  expect(failing.committed).toEqual([]);
});

test("a stranger's error keeps its text to itself", async () => {
  await expect(mount([object("a")], parts({}))).rejects.toMatchObject({
    code: "internal",
    message: "a: internal error",
  });
});

test("files that do not fit the driver's answer are refused, the largest named", async () => {
  const large = parts({ "secret/data/a": "x".repeat(600), "secret/data/b": "y" }, 700);
  await expect(mount([object("a"), object("b")], large)).rejects.toMatchObject({
    code: "limit_exceeded",
    message: expect.stringMatching(/more than the 700 .* the largest: a \(600\), b \(1\)/) as string,
  });
  expect(large.committed).toEqual([]);
});

test("a volume without files is refused: the driver would take it for a success", async () => {
  await expect(mount([], parts({}))).rejects.toMatchObject({ code: "invalid_request" });
});

test("an answer that no file can be made of, or that is too much for the driver, is read again by the next Mount", async () => {
  const keyless = parts({ "secret/data/a": "1", "secret/data/b": "2" });
  await expect(mount([object("a"), object("b", "other")], keyless)).rejects.toThrow("no key");
  expect(keyless.invalidated).toEqual(["secret/data/b"]);
  const large = parts({ "secret/data/a": "1", "secret/data/b": "2".repeat(1_000) }, 500);
  await expect(mount([object("a"), object("b")], large)).rejects.toThrow("more than the 500");
  expect([...new Set(large.invalidated)].sort()).toEqual(["secret/data/a", "secret/data/b"]);
});

describe("an answer of which not every file can be made", () => {
  const whole = { data: { user: "ann", value: "1" } };
  const keyless = { body: new Redacted({ data: { user: "bob" } }) };
  const pair = () => [
    { ...object("user", "user"), request: object("a").request },
    { ...object("pass"), request: object("a").request },
  ];

  test("gives way, all objects of the request together, to the one that the volume has", async () => {
    const rotated = parts({ "secret/data/a": keyless, "secret/data/b": "2" });
    rotated.answers.begin(samplePrincipal()).previous = () => new Redacted(whole);
    const volume = await mount([...pair(), object("b")], rotated);
    expect(volume.files.map(({ contents }) => contents.reveal().toString())).toEqual(["ann", "1", "2"]);
    expect(volume.stale.map(({ objectName }) => objectName)).toEqual(["user", "pass"]);
    expect(volume.stale[0]?.error.message).toContain("no key");
  });

  test("fails the Mount where the class wants to hear of it, or where the volume has none", async () => {
    const first = parts({ "secret/data/a": keyless });
    await expect(mount(pair(), first)).rejects.toThrow('pass: no key "value"');
    const strict = parts({ "secret/data/a": keyless });
    strict.answers.begin(samplePrincipal()).previous = () => new Redacted(whole);
    const failing = spec(pair());
    const asked = { ...failing, class: { ...failing.class, onDenied: "fail" as const } };
    await expect(mountVolume(asked, samplePrincipal(), strict, never)).rejects.toThrow("no key");
  });
});

test("objects of one request are asked for once, with the shortest interval and lifetime among them", async () => {
  const asked: ReadOptions[] = [];
  const eager = parts({ "secret/data/a": "1" });
  const transaction = eager.answers.begin(samplePrincipal());
  const answer = transaction.read.bind(transaction);
  transaction.read = (fetches, onDenied, signal) => {
    asked.push(...fetches.map(({ options }) => ({ ...options, onDenied })));
    return answer(fetches, onDenied, signal);
  };
  const { request } = object("a");
  const thrice = [
    { ...object("a"), lifetimeMs: 9_000 },
    { ...object("b"), request, refreshIntervalMs: 1_000, issuedIntervalMs: 1_000 },
    { ...object("c"), request, lifetimeMs: 7_000, issuedIntervalMs: 5_000 },
  ];
  await mount(thrice, eager);
  expect(asked).toEqual([
    { refreshIntervalMs: 1_000, issuedIntervalMs: 1_000, lifetimeMs: 7_000, onDenied: "keep", optional: false },
  ]);
});

test("a key that becomes the file of another object is refused, naming both", async () => {
  const folder: ObjectSpec = { ...object("app/"), keyFiles: { keys: [], rename: new Map() } };
  delete folder.secretKey;
  const with_ = parts({ "secret/data/app/": "1", "secret/data/app/value": "2" });
  await expect(mount([folder, object("app/value")], with_)).rejects.toThrow(
    'the file "app/value" of app/value and "app/value" of app/ cannot both be; rename a key',
  );
  expect(with_.committed).toEqual([]);
  expect(with_.invalidated).toHaveLength(2);
});

describe("an object that a pod can do without", () => {
  const missing = new ProviderError("not_found", "nothing at secret/data/b");
  const denied = new ProviderError("permission_denied", "denied");
  const optional = (name: string, key?: string): ObjectSpec => ({ ...object(name, key), optional: true });
  const withDefault = (name: string, fallback: NonNullable<ObjectSpec["fallback"]>, key?: string): ObjectSpec => ({
    ...object(name, key),
    fallback,
  });
  const texts = async (objects: ObjectSpec[], told: Parameters<typeof parts>[0]) => {
    const { files, versions } = await mount(objects, parts(told));
    expect(versions.map(({ id }) => id)).toEqual(files.map(({ path }) => path));
    return Object.fromEntries(files.map(({ path, contents }) => [path, contents.reveal().toString()]));
  };

  test.each<[string, ObjectSpec, string | ProviderError, Record<string, string>]>([
    ["optional, and its secret is missing: left out", optional("b"), missing, {}],
    ["optional, and its key is missing: left out", optional("b", "other"), "2", {}],
    ["optional, and there", optional("b"), "2", { b: "2" }],
    [
      "with a default, and its secret is missing",
      withDefault("b", { text: new Redacted("none") }),
      missing,
      { b: "none" },
    ],
    ["with a default, and its key is missing", withDefault("b", { text: new Redacted("") }, "other"), "2", { b: "" }],
    ["with another key as its default", withDefault("b", { key: "value" }, "other"), "2", { b: "2" }],
    ["with another key as its default, and both are there", withDefault("b", { key: "other" }), "2", { b: "2" }],
  ])("%s", async (_what, one, answer, expected) => {
    expect(await texts([object("a"), one], { "secret/data/a": "1", "secret/data/b": answer })).toEqual({
      a: "1",
      ...expected,
    });
  });

  test.each<[string, ObjectSpec, string | ProviderError]>([
    ["is denied, though optional", optional("b"), denied],
    ["is denied, though it has a default", withDefault("b", { text: new Redacted("none") }), denied],
    ["is not to be had now, though optional", optional("b"), new ProviderError("unavailable", "Vault is sealed")],
    ["has neither its key nor the other one", withDefault("b", { key: "nor" }, "other"), "2"],
    ["is missing, where the default is a key of it", withDefault("b", { key: "value" }), missing],
  ])("fails the Mount when it %s", async (_what, one, answer) => {
    await expect(texts([object("a"), one], { "secret/data/a": "1", "secret/data/b": answer })).rejects.toThrow(
      ProviderError,
    );
  });

  test("is not one, where another object of the same request insists on it", async () => {
    const insists = { ...object("c"), request: object("b").request };
    await expect(texts([optional("b"), insists], { "secret/data/b": missing })).rejects.toThrow(
      "c: nothing at secret/data/b",
    );
  });
});
