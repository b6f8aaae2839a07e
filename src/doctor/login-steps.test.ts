import { expect, test } from "vitest";
import { sampleConnection } from "../../dev/testing/connection.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { inProcessRenderer } from "../../dev/testing/in-process-renderer.js";
import { csiDriverIn } from "../kube/csi-driver.js";
import type { JsonObject } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import type { NodeHealth } from "../vault/node-health.js";
import type { VaultClient, VaultToken } from "../vault/vault-client.js";
import { VaultError } from "../vault/vault-error.js";
import { CheckChain } from "./check-chain.js";
import { CheckRunner, type Report } from "./check-runner.js";
import { checkClass, mountTargetOf } from "./class-steps.js";
import { checkLogin } from "./login-steps.js";

const parameters = new Map([
  ["roleName", "web"],
  ["objects", "- {objectName: a, secretPath: kv/data/a}"],
]);
const { value: spec } = checkClass({ name: "web", provider: "vault", parameters });
const token: VaultToken = {
  secret: new Redacted("canary"),
  accessor: "",
  type: "service",
  renewable: true,
  issuedAt: 0,
};
const never = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));

/** A login of `shop/web` with that much of a Vault. */
function loginWith(answers: Partial<VaultClient>, clock = new FakeClock()) {
  const unused = () => Promise.reject(new Error("unused"));
  const client: VaultClient = {
    login: unused,
    request: unused,
    lookupSelf: unused,
    lookupMount: unused,
    renewSelf: unused,
    renewLease: unused,
    revokeLease: unused,
    revokeSelf: unused,
    ...answers,
  };
  const connection = sampleConnection();
  const account = { namespace: "shop", serviceAccount: "web" };
  const target = mountTargetOf(spec, connection);
  const claims = { namespace: "shop", serviceAccount: "web", serviceAccountUid: "1" };
  const chosen = { audience: "vault", jwt: new Redacted("canary"), claims, issuer: "", bound: true };
  return { login: { clock, client, renderer: inProcessRenderer, connection, target, account, readAll: false }, chosen };
}

/** An interrupted walk whose Vault answers the login, and no read. */
function interrupted(revokeSelf: VaultClient["revokeSelf"]) {
  const clock = new FakeClock();
  const controller = new AbortController();
  const runner = new CheckRunner({ clock, stepMs: 10_000, report: () => {} }, controller.signal);
  const answers: Partial<VaultClient> = {
    login: async () => token,
    request: (_connection, _on, _request, _caller, signal) => {
      controller.abort(new Error("stopped"));
      return never(signal);
    },
    revokeSelf,
  };
  const { login, chosen } = loginWith(answers, clock);
  return { clock, done: checkLogin(login, chosen, new CheckChain(runner), runner) };
}

test.each<[string, Partial<NodeHealth>, boolean, RegExp | undefined]>([
  ["OpenBao 2.6.4", { version: "2.6.4" }, true, /^OpenBao 2\.6\.4 renews .* \(600 s, by expirationSeconds in/],
  ["whose CSIDriver object is not known", { version: "2.6.4" }, false, /expires \(expirationSeconds in/],
  ["2.7.1", { version: "2.7.1" }, true, /600 s/],
  ["a later one", { version: "2.10.0" }, true, /600 s/],
  ["a much later one", { version: "3.0.0" }, true, /600 s/],
  ["2.6.3", { version: "2.6.3" }, true, undefined],
  ["2.7.0", { version: "2.7.0" }, true, undefined],
  ["2.5.9", { version: "2.5.9" }, true, undefined],
  ["Vault", { version: "2.7.1", product: "Vault" }, true, undefined],
])("what renewals depend on: %s", async (_what, change, knowsDriver, told) => {
  const health = { product: "OpenBao" as const, version: "", ...change };
  const spec = { tokenRequests: [{ audience: "vault", expirationSeconds: 600 }] };
  const driver = knowsDriver ? csiDriverIn({ spec }) : undefined;
  const reports: Report[] = [];
  const runner = new CheckRunner(
    { clock: new FakeClock(), stepMs: 10_000, report: (report) => reports.push(report) },
    new AbortController().signal,
  );
  const { login, chosen } = loginWith({ login: async () => token });
  await checkLogin({ ...login, driver, health }, chosen, new CheckChain(runner), runner);
  const [{ result, facts }] = reports.filter(({ step }) => step === "login") as [Report & { facts: string[] }];
  expect(result).toBe("passed");
  expect(facts.slice(1)).toEqual(told ? [expect.stringMatching(told)] : []);
});

test("the mount of refused objects is looked up once, as a Mount does", async () => {
  const objects = ["a", "b"].map((name) => `- {objectName: ${name}, secretPath: kv/${name}}`).join("\n");
  const { value: two } = checkClass({
    name: "web",
    provider: "vault",
    parameters: new Map([...parameters, ["objects", objects]]),
  });
  const lookups: string[] = [];
  const { login, chosen } = loginWith({
    login: async () => token,
    request: (_connection, _on, { path }) =>
      Promise.reject(new VaultError("denied", `permission denied: ${path}`, { status: 403, mount: "any" })),
    lookupMount: async (_connection, _on, path) => {
      lookups.push(path);
      return { found: "mount", path: "kv", kv: 2 };
    },
  });
  const reports: Report[] = [];
  const runner = new CheckRunner(
    { clock: login.clock, stepMs: 10_000, report: (report) => reports.push(report) },
    new AbortController().signal,
  );
  const target = mountTargetOf(two, login.connection);
  await checkLogin({ ...login, target }, chosen, new CheckChain(runner), runner);
  expect(reports.filter(({ step }) => step === "object")).toMatchObject(
    ["a", "b"].map((name) => ({
      problem: "object.path",
      what: expect.stringContaining(`kv/data/${name}`) as string,
    })),
  );
  expect(lookups).toEqual(["kv/a"]);
});

test.each<[string, Record<string, VaultError | object>, object]>([
  [
    "with what is there",
    { "kv/data/shop/db": { data: { password: "canary" } }, "kv/data/shop/gone": new VaultError("missing", "gone") },
    { facts: ["LIST kv/metadata/shop, 2 secrets below: 6 bytes"] },
  ],
  ["with one that is denied", { "kv/data/shop/db": new VaultError("denied", "no db") }, { problem: "object.denied" }],
])("a recursive read is tried as a Mount does, %s", async (_what, secrets, expected) => {
  const answers = { "kv/metadata/shop": { keys: ["db", "gone"] }, ...secrets };
  expect(await reportOf("- {objectName: app/, secretPath: kv/data/shop/}", answers)).toMatchObject(expected);
});

/** What is said of the object of a class, with a Vault that has these answers by path. */
async function reportOf(objects: string, answers: Record<string, VaultError | object>): Promise<Report | undefined> {
  const { value: spec } = checkClass({
    name: "web",
    provider: "vault",
    parameters: new Map([...parameters, ["objects", objects]]),
  });
  const { login, chosen } = loginWith({
    login: async () => token,
    request: async (_connection, _on, { path }) => {
      const data = answers[path]!;
      if (data instanceof VaultError) throw data;
      return { body: new Redacted({ data } as JsonObject), bytes: 0, requestedAt: 0 };
    },
    revokeSelf: async () => {},
  });
  const reports: Report[] = [];
  const runner = new CheckRunner(
    { clock: login.clock, stepMs: 10_000, report: (report) => reports.push(report) },
    new AbortController().signal,
  );
  const target = mountTargetOf(spec, login.connection);
  await checkLogin({ ...login, target }, chosen, new CheckChain(runner), runner);
  return reports.find(({ step }) => step === "object");
}

const gone = new VaultError("missing", "nothing at kv/data/a");
const refused = new VaultError("denied", "no kv/data/a");

test.each<[string, string, Record<string, VaultError | object>, object]>([
  [
    "an optional secret that is missing",
    "secretPath: kv/data/a, optional: true",
    { "kv/data/a": gone },
    { facts: ["GET kv/data/a: missing, so no file (optional); nothing at kv/data/a"] },
  ],
  [
    "an optional key that is missing",
    "secretPath: kv/data/a, secretKey: pasword, optional: true",
    { "kv/data/a": { data: { password: "canary" } } },
    { facts: [expect.stringMatching(/^GET kv\/data\/a: missing, so no file \(optional\); .*pasword/)] },
  ],
  [
    "a default for a secret that is missing",
    "secretPath: kv/data/a, default: none",
    { "kv/data/a": gone },
    { facts: ["GET kv/data/a: missing: its default is written; nothing at kv/data/a"] },
  ],
  [
    "an optional source that is missing",
    "template: '{{ b.x }}', sources: {b: {secretPath: kv/data/a}}, optional: true",
    { "kv/data/a": gone },
    { facts: ["GET kv/data/a: missing, so no file (optional); nothing at kv/data/a"] },
  ],
  [
    "an optional source that is missing before a denial",
    "secretPath: kv/data/a, template: '{{ b.x }}', sources: {b: {secretPath: kv/data/b}}, optional: true",
    { "kv/data/a": refused, "kv/data/b": gone },
    { facts: ["GET kv/data/a, GET kv/data/b: missing, so no file (optional); nothing at kv/data/a"] },
  ],
  [
    "an optional secret that is denied",
    "secretPath: kv/data/a, optional: true",
    { "kv/data/a": refused },
    { problem: "object.denied" },
  ],
  ["a secret that is missing", "secretPath: kv/data/a", { "kv/data/a": gone }, { problem: "object.absent" }],
])("an object passes where a Mount delivers it: %s", async (_what, fields, answers, expected) => {
  expect(await reportOf(`- {objectName: a, ${fields}}`, answers)).toMatchObject(expected);
});

test("interrupted, it revokes its token, and gives up after two seconds of its clock", async () => {
  let revocation: AbortSignal | undefined;
  const { clock, done } = interrupted((_connection, _on, _caller, signal) => never((revocation = signal)));
  const ended = expect(done).rejects.toThrow("stopped");
  await clock.advance(1_999);
  expect(revocation?.aborted).toBe(false);
  await clock.advance(1);
  expect(revocation?.aborted).toBe(true);
  await ended;
});

test("interrupted, it waits no longer than the revocation takes", async () => {
  let revoked = 0;
  const { clock, done } = interrupted(async () => void revoked++);
  await expect(done).rejects.toThrow("stopped");
  expect([revoked, clock.monotonic()]).toEqual([1, 0]);
});
