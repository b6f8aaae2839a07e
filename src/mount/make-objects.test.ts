import { X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import type { Json } from "../shared/json.js";
import { OneByOne } from "../shared/one-by-one.js";
import { Redacted } from "../shared/redacted.js";
import { makeIdentity } from "../../dev/testing/certificates.js";
import { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { inProcessRenderer } from "../../dev/testing/in-process-renderer.js";
import { makeObjects } from "./make-objects.js";
import type { ObjectSpec, OnDenied } from "./mount-spec.js";
import { fetchPlanOf, requestsOfObjects } from "./object-requests.js";
import { Yielder } from "./yielder.js";
import { readObjects } from "./objects.js";
import type { Job, FetchOptions } from "./ports.js";
import { transactionBy } from "../../dev/testing/read-requests.js";

type Told = Record<string, Record<string, Json> | ProviderError>;

/** Objects as a class writes them, made of answers by path; `previous` is what the volume had before. */
async function made(text: string, answers: Told, previous: Told = {}, onDenied: OnDenied = "keep") {
  const { objects, findings } = readObjects(text, 120_000);
  expect(findings).toEqual([]);
  const asked = new Map<string, FetchOptions>();
  const jobs: Job[] = [];
  const bodyOf = (data: Record<string, Json>) => new Redacted({ data });
  const transaction = transactionBy(
    ({ path }, options) => {
      asked.set(path, options);
      const told = answers[path] ?? new ProviderError("not_found", `nothing at ${path}`);
      if (told instanceof ProviderError) throw told;
      return { body: bodyOf(told) };
    },
    {
      previous({ path }) {
        const had = previous[path];
        return had && !(had instanceof ProviderError) ? bodyOf(had) : undefined;
      },
    },
  );
  let atOnce = 0;
  let most = 0;
  const renderer: typeof inProcessRenderer = {
    render: (job, tenant, signal) => {
      jobs.push(job);
      atOnce += 1;
      most = Math.max(most, atOnce);
      return inProcessRenderer.render(job, tenant, signal).finally(() => (atOnce -= 1));
    },
  };
  const context = {
    responseBytes: 1 << 20,
    renderer,
    jobs: new OneByOne(),
    lend: () => () => {},
    tenant: "shop",
    yielder: new Yielder({
      clock: new FakeClock(),
      scheduler: new EventLoopScheduler(new FakeClock()),
      tenant: "shop",
      responseBytes: 1 << 20,
      made() {},
    }),
    versionKey: new Redacted(Buffer.alloc(32)),
  };
  const { groups, fetches } = fetchPlanOf(objects);
  const { signal } = new AbortController();
  const answered = await transaction.read(fetches, onDenied, signal);
  const outcomes = await Promise.all(
    groups.map((group) => makeObjects(group, answered, onDenied, transaction, context, signal)),
  );
  const files: Record<string, string> = {};
  const held: string[] = [];
  for (const one of outcomes.flat()) {
    if ("error" in one) files[one.object.objectName] = `${one.error.code}: ${one.error.message}`;
    else for (const { path, contents } of one.made.files) files[path] = contents.reveal().toString();
    if ("made" in one && one.made.staleReason) held.push(one.object.objectName);
  }
  return { files, held, asked, jobs, groups, mostAtOnce: () => most };
}

const pgpass = `
- objectName: pgpass
  template: "{{ config.host }}:5432:{{ db.username }}:{{ db.password | pgpass_escape }}"
  sources: {db: {secretPath: database/creds/app}, config: {secretPath: kv/config}}
`;
const login = { username: "v-app", password: "a:b" };

describe("a template over several secrets", () => {
  test("is one file of all of them", async () => {
    const { files } = await made(pgpass, { "database/creds/app": login, "kv/config": { host: "pg" } });
    expect(files).toEqual({ pgpass: "pg:5432:v-app:a\\:b" });
  });

  test("has the metadata of those from KV v2, less what is null", async () => {
    const metadata = { destroyed: false, custom_metadata: null, created_time: "2026-11-28T20:57:09Z" };
    const { files, jobs } = await made(
      `- {objectName: f, secretPath: kv/data/app, template: "{{ meta.destroyed }} {{ user }}", sources: {old: {secretPath: kv/old}}}`,
      { "kv/data/app": { data: { user: "app" }, metadata }, "kv/old": { metadata: "a key" } },
    );
    expect(files).toEqual({ f: "false app" });
    expect(jobs.map((job) => job.kind === "template" && (JSON.parse(job.data.reveal()) as unknown))).toEqual([
      {
        own: { data: { user: "app" }, meta: { destroyed: false, created_time: metadata.created_time } },
        sources: { old: { data: { metadata: "a key" }, meta: null } },
      },
    ]);
  });

  test("shares its reads with other objects: one login", async () => {
    const beside = `${pgpass}- {objectName: user, secretPath: database/creds/app, secretKey: username, refreshInterval: 9s}\n`;
    const { files, asked, groups } = await made(beside, { "database/creds/app": login, "kv/config": { host: "pg" } });
    expect(files["user"]).toBe("v-app");
    expect(groups).toHaveLength(1);
    expect(asked.get("database/creds/app")!.refreshIntervalMs).toBe(9_000);
    expect(asked.get("kv/config")!.refreshIntervalMs).toBe(120_000);
  });

  test("that fails keeps all the volume had of its secrets, and those of the objects that share them", async () => {
    const beside = `${pgpass}- {objectName: host, secretPath: kv/config, secretKey: host}\n`;
    const answers = { "database/creds/app": login, "kv/config": { hostname: "renamed" } };
    const previous = { "kv/config": { host: "old" } };
    const { files, held } = await made(beside, answers, previous);
    expect(files).toEqual({ pgpass: "old:5432:v-app:a\\:b", host: "old" });
    expect(held).toEqual(["pgpass", "host"]);
    const failing = await made(beside, answers, previous, "fail");
    expect(failing.files["host"]).toMatch(/^not_found/);
  });

  test("says which secret is missing, and nothing of the others", async () => {
    const { files } = await made(pgpass, { "database/creds/app": login });
    expect(files).toEqual({ pgpass: "not_found: nothing at kv/config" });
  });

  test("optional: left out where one of its secrets, or a variable, is missing; not where one is denied", async () => {
    const optional = `${pgpass}  optional: true\n`;
    const both = { "database/creds/app": login, "kv/config": { other: "x" } };
    expect((await made(optional, { "database/creds/app": login })).files).toEqual({});
    expect((await made(optional, both)).files).toEqual({});
    const denied = { ...both, "kv/config": new ProviderError("permission_denied", "denied") };
    expect((await made(optional, denied)).files).toEqual({ pgpass: "permission_denied: denied" });
    expect((await made(`${pgpass}  default: none\n`, both)).files).toEqual({ pgpass: "none" });
  });

  test.each(["optional: true", "default: none"])("that is Go's is refused, also with %s", async (field) => {
    const go = `- objectName: a\n  secretPath: kv/config\n  template: "{{ .Data.data.host }}"\n  ${field}\n`;
    const { files } = await made(go, { "kv/config": { host: "db" } });
    expect(files["a"]).toMatch(/^invalid_request: the template, line 1, column 1: .*: this is a Go template;/);
  });

  test("whose secrets are too long together is refused before their text is made", async () => {
    const sources = Array.from({ length: 10 }, (_, n) => `s${n}: {secretPath: kv/s${n}}`).join(", ");
    const heavy = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`kv/s${n}`, { a: "<".repeat(4 << 20) }]));
    const { files, jobs } = await made(`- {objectName: f, template: x, sources: {${sources}}}`, heavy);
    expect(files).toEqual({
      f: "limit_exceeded: the secrets of the template are longer than 4 MiB as JSON; give it fewer sources, or smaller secrets",
    });
    expect(jobs).toEqual([]);
  });

  test("is given to the renderer alone: one Mount's secrets are copied for one object at a time", async () => {
    const many = Array.from(
      { length: 20 },
      (_, n) => `- {objectName: f${n}, template: x, sources: {a: {secretPath: kv/${n}}}}`,
    );
    const answers = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`kv/${n}`, {}]));
    const { jobs, mostAtOnce } = await made(many.join("\n"), answers);
    expect(jobs).toHaveLength(20);
    expect(mostAtOnce()).toBe(1);
  });

  test("the operator's policy is asked about every one of them", () => {
    const { objects } = readObjects(`${pgpass}  secretPath: kv/own\n`, 1);
    expect(requestsOfObjects(objects).map(({ requests }) => requests.map(({ path }) => path))).toEqual([
      ["kv/own", "database/creds/app", "kv/config"],
    ]);
  });
});

describe("groups", () => {
  const objectsOf = (...uses: string[][]): ObjectSpec[] =>
    uses.map((paths, index) => {
      const sources = paths.map((path, n) => `s${n}: {secretPath: ${path}}`).join(", ");
      return readObjects(`- {objectName: o${index}, template: x, sources: {${sources}}}`, 1).objects[0]!;
    });

  test.each<[string, string[][], string[][]]>([
    ["apart", [["a"], ["b"]], [["o0"], ["o1"]]],
    ["the same", [["a"], ["a"]], [["o0", "o1"]]],
    ["joined by a third", [["a"], ["b"], ["a", "b"]], [["o0", "o1", "o2"]]],
    ["a chain", [["a", "b"], ["c", "d"], ["b", "c"], ["e"]], [["o0", "o1", "o2"], ["o3"]]],
  ])("%s", (_, uses, expected) => {
    const groups = fetchPlanOf(objectsOf(...uses)).groups.map(({ objects }) =>
      objects.map(({ objectName }) => objectName).sort(),
    );
    expect(groups.sort()).toEqual(expected);
  });
});

describe("a keystore", () => {
  const root = makeIdentity({ commonName: "root", isCa: true });
  const leaf = makeIdentity({ commonName: "web", by: root });
  const other = makeIdentity({ commonName: "other" });
  const issued = { private_key: leaf.key, certificate: leaf.cert, ca_chain: [root.cert] };
  const text =
    "- {objectName: web.p12, secretPath: pki/issue/web, format: pkcs12, alias: web, password: {secretPath: kv/p, secretKey: pass}}";
  const subjects = (job: Job | undefined) =>
    job?.kind === "keystore" ? job.certificates.map((pem) => new X509Certificate(pem).subject) : undefined;

  test("is made of a PKI answer, with the password of another secret", async () => {
    const { jobs } = await made(text, { "pki/issue/web": issued, "kv/p": { pass: "changeit" } });
    expect(subjects(jobs[0])).toEqual(["CN=web", "CN=root"]);
    expect(jobs[0]).toMatchObject({ alias: "web", legacy: false });
  });

  test("puts the key's own certificate first", async () => {
    const turned = { "tls.key": leaf.key, "tls.crt": root.cert + leaf.cert };
    const { jobs } = await made(text, { "pki/issue/web": turned, "kv/p": { pass: "changeit" } });
    expect(subjects(jobs[0])).toEqual(["CN=web", "CN=root"]);
  });

  test("without a key is a trust store of all certificates", async () => {
    const { jobs } = await made(text, { "pki/issue/web": { "ca.crt": root.cert + other.cert }, "kv/p": { pass: "x" } });
    expect(subjects(jobs[0])).toEqual(["CN=root", "CN=other"]);
    expect(jobs[0]).not.toHaveProperty("key");
  });

  test.each<[string, Told, RegExp]>([
    [
      "a key of none of the certificates",
      { "pki/issue/web": { ...issued, private_key: other.key } },
      /belongs to none/,
    ],
    [
      "an encrypted key",
      {
        "pki/issue/web": {
          ...issued,
          private_key: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
        },
      },
      /cannot be read; format: pkcs12 takes an unencrypted one/,
    ],
    ["no certificate", { "pki/issue/web": { private_key: leaf.key } }, /^not_found: no certificate/],
    [
      "an empty password",
      { "kv/p": { pass: "" } },
      /the password of the keystore, at kv\/p, is no text of 1 to 256 ASCII/,
    ],
    ["a password beyond ASCII", { "kv/p": { pass: "pässword" } }, /is no text of 1 to 256 ASCII/],
    ["no password", { "kv/p": { other: "x" } }, /^not_found: no key "pass" at kv\/p/],
  ])("is refused with %s", async (_, told, says) => {
    const { files } = await made(text, { "pki/issue/web": issued, "kv/p": { pass: "changeit" }, ...told });
    expect(files["web.p12"]).toMatch(says);
    expect(files["web.p12"]).not.toContain("pässword");
  });
});
