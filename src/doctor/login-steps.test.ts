import { expect, test } from "vitest";
import { sampleConnection } from "../../dev/testing/connection.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { Redacted } from "../shared/redacted.js";
import type { VaultClient, VaultToken } from "../vault/vault-client.js";
import { CheckChain } from "./check-chain.js";
import { CheckRunner } from "./check-runner.js";
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

/** An interrupted walk whose Vault answers the login, and no read. */
function interrupted(revokeSelf: VaultClient["revokeSelf"]) {
  const clock = new FakeClock();
  const controller = new AbortController();
  const runner = new CheckRunner({ clock, stepMs: 10_000, report: () => {} }, controller.signal);
  const unused = () => Promise.reject(new Error("unused"));
  const client: VaultClient = {
    login: async () => token,
    request: (_connection, _on, _request, _caller, signal) => {
      controller.abort(new Error("stopped"));
      return never(signal);
    },
    lookupSelf: unused,
    renewSelf: unused,
    renewLease: unused,
    revokeLease: unused,
    revokeSelf,
  };
  const connection = sampleConnection();
  const account = { namespace: "shop", serviceAccount: "web" };
  const target = mountTargetOf(spec, connection);
  const claims = { namespace: "shop", serviceAccount: "web", serviceAccountUid: "1" };
  const chosen = { audience: "vault", jwt: new Redacted("canary"), claims };
  const login = { clock, client, renderer: {} as never, connection, target, account, readAll: false };
  return { clock, done: checkLogin(login, chosen, new CheckChain(runner), runner) };
}

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
