import { expect, test } from "vitest";
import { sampleConnection } from "../../dev/testing/connection.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { inProcessRenderer } from "../../dev/testing/in-process-renderer.js";
import { csiDriverIn } from "../kube/csi-driver.js";
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
  const chosen = { audience: "vault", jwt: new Redacted("canary"), claims };
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

test.each<[string, Partial<NodeHealth>, number, number | undefined, boolean]>([
  ["OpenBao that renews by the token", { version: "2.6.4" }, 600, 3_600_000, true],
  ["a newer one", { version: "3.0.0" }, 600, 3_600_000, true],
  ["a token without an end", { version: "2.7.1" }, 600, undefined, true],
  ["a Vault token that ends first", { version: "2.6.4" }, 3_600, 3_600_000, false],
  ["an older OpenBao", { version: "2.6.2" }, 600, 3_600_000, false],
  ["Vault", { version: "2.7.1", product: "Vault" }, 600, 3_600_000, false],
])("expirationSeconds too short for renewals: %s", async (_what, change, expirationSeconds, ttlMs, warned) => {
  const health = { product: "OpenBao" as const, version: "", ...change };
  const driver = csiDriverIn({ spec: { tokenRequests: [{ audience: "vault", expirationSeconds }] } });
  const reports: Report[] = [];
  const runner = new CheckRunner(
    { clock: new FakeClock(), stepMs: 10_000, report: (report) => reports.push(report) },
    new AbortController().signal,
  );
  const granted = { ...token, ...(ttlMs !== undefined && { ttlMs }) };
  const { login, chosen } = loginWith({ login: async () => granted });
  await checkLogin({ ...login, driver, health }, chosen, new CheckChain(runner), runner);
  const [{ result, ...told }] = reports.filter(({ step }) => step === "login") as [Report & { warnings: string[] }];
  expect(result).toBe("passed");
  expect(told.warnings.map((text) => /does not renew .* is 600: raise it/.test(text))).toEqual(warned ? [true] : []);
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
      problem: "object.denied",
      what: expect.stringContaining(`kv/data/${name}`) as string,
    })),
  );
  expect(lookups).toEqual(["kv/a"]);
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
