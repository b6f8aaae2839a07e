import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.js";
import { type ReadyVault, startReadyVault } from "../testing/ready-vault.js";

interface Answered {
  auth: { client_token: string };
  data: { data: unknown };
}

let ready: ReadyVault;
const clock = new FakeClock();

beforeEach(async () => {
  ready = await startReadyVault({ clock });
});
afterEach(() => ready.stop());

async function ask(method: string, path: string, { token = "", body }: { token?: string; body?: unknown } = {}) {
  const response = await fetch(`${ready.address}/v1/${path}`, {
    method,
    headers: { ...(token && { "x-vault-token": token }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: (text === "" ? undefined : JSON.parse(text)) as Answered };
}

async function logIn(): Promise<string> {
  const body = { role: "web", jwt: ready.mint() };
  const { json } = await ask("POST", "auth/kubernetes/login", { body });
  return json.auth.client_token;
}

describe("a ready Vault", () => {
  test("lets the pod's service account in and gives it what its policy allows", async () => {
    const token = await logIn();
    const { json } = await ask("GET", "kv/data/app", { token });
    expect(json.data.data).toEqual({ password: "hunter2" });
    expect((await ask("GET", "other/app", { token })).status).toBe(403);
  });

  test("tells who asked for what", async () => {
    const token = await logIn();
    await ask("GET", "kv1/app", { token });
    expect(ready.vault.log.to(/login$/)).toHaveLength(1);
    expect(ready.vault.log.to("kv1/app", "GET")).toMatchObject([
      { status: 200, token: { meta: { service_account_name: "web" } } },
    ]);
  });

  test("forgets a token at its end, by the clock it was given", async () => {
    const token = await logIn();
    expect(ready.vault.live.tokens).toBe(1);
    await clock.advance(3_600_000);
    expect((await ask("GET", "kv1/app", { token })).status).toBe(403);
    expect(ready.vault.live.tokens).toBe(0);
  });
});
