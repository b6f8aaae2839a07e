import { describe, expect, onTestFinished, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { serveHttp } from "../../dev/testing/http-server.js";
import { answering, hanging, loginWithoutAuth, noContent, redirecting } from "../../dev/vault/faults.js";
import { filesIn, startProvider, type TestProvider, webPod } from "../../dev/testing/start-provider.js";

const objects = "- {objectName: app, secretPath: kv/data/app, secretKey: password}";

/** After the fault, the provider serves the next pod. */
async function servesOn(provider: TestProvider): Promise<void> {
  const pod = { ...webPod, name: "web-9", uid: "uid-9" };
  const token = provider.vault.mint({ pod: { name: pod.name, uid: pod.uid } });
  const tokens = { vault: { token, expirationTimestamp: "2100-01-01T00:00:00Z" } };
  expect(filesIn(await provider.mount({ objects }, { pod, tokens }))).toEqual({ app: "hunter2" });
}

describe("what breaks the Go provider", () => {
  test("a login answered without auth is refused, and the next pod is served", async () => {
    const provider = await startProvider();
    provider.vault.vault.fault({ path: "auth/kubernetes/login", times: 1 }, loginWithoutAuth());
    expect(await provider.mount({ objects })).toMatchObject({ ok: false, code: "FAILED_PRECONDITION" });
    await servesOn(provider);
  });

  test("a 204 without a body is refused by name, and the next pod is served", async () => {
    const provider = await startProvider();
    provider.vault.vault.fault({ path: "kv1/nobody" }, noContent());
    const outcome = await provider.mount({ objects: "- {objectName: a, secretPath: kv1/nobody, method: POST}" });
    expect(outcome).toMatchObject({ ok: false, message: expect.stringContaining("without a body") as string });
    await servesOn(provider);
  });

  test("two objects of one path with different arguments get an answer each", async () => {
    const provider = await startProvider();
    const { admin } = provider.vault;
    await admin.write("sys/mounts/transit", { type: "transit" });
    await admin.write("transit/keys/app");
    const encrypt = async (text: string) => {
      const body = await admin.request("POST", "transit/encrypt/app", {
        plaintext: Buffer.from(text).toString("base64"),
      });
      return (body["data"] as { ciphertext: string }).ciphertext;
    };
    const entry = (name: string, ciphertext: string) =>
      `- {objectName: ${name}, secretPath: transit/decrypt/app, method: PUT, secretKey: plaintext, encoding: base64, secretArgs: {ciphertext: "${ciphertext}"}}\n`;
    const both = entry("a", await encrypt("first")) + entry("b", await encrypt("second"));
    expect(filesIn(await provider.mount({ objects: both }))).toEqual({ a: "first", b: "second" });
  });

  test("a VAULT_TOKEN in the environment is not used for any pod", async () => {
    process.env["VAULT_TOKEN"] = "the-operators-own";
    onTestFinished(() => void delete process.env["VAULT_TOKEN"]);
    const provider = await startProvider({ env: { VAULT_TOKEN: "the-operators-own" } });
    await provider.mount({ objects });
    const used = provider.vault.vault.log.all.map(({ headers }) => headers["x-vault-token"]);
    expect(used.length).toBeGreaterThan(1);
    expect(used).not.toContain("the-operators-own");
  });

  test.each(["auth/kubernetes/login", /^kv\//])(
    "a redirect of %s to an unlisted origin is not followed: neither JWT nor token gets there",
    async (path) => {
      let contacted = 0;
      const elsewhere = await serveHttp((_request, response) => {
        contacted += 1;
        response.end("{}");
      });
      const clock = new FakeClock(Date.now());
      const provider = await startProvider({ clock });
      const fault = provider.vault.vault.fault({ path }, redirecting(`${elsewhere.origin}/v1/x`));
      expect(await clock.during(provider.mount({ objects }))).toMatchObject({ ok: false, code: "FAILED_PRECONDITION" });
      fault.clear();
      expect(contacted).toBe(0);
      await clock.advance(2_000); // What failed rests a second.
      await clock.during(servesOn(provider));
    },
  );

  test("a Vault that hangs past the caller's deadline: answered before it, with a final code, and the next pod is served", async () => {
    const provider = await startProvider();
    const fault = provider.vault.vault.fault({ path: "kv/data/app" }, hanging());
    const startedAt = performance.now();
    expect(await provider.mount({ objects }, {}, 1_500)).toMatchObject({ ok: false, code: "FAILED_PRECONDITION" });
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    fault.clear();
    await servesOn(provider);
  });

  test.each([
    ["namespace", { namespace: "other" }],
    ["service account", { serviceAccount: "other" }],
    ["pod uid", { pod: { name: "web-0", uid: "another" } }],
  ])("a JWT that names another %s is refused before anything is asked", async (claim, options) => {
    const provider = await startProvider();
    const tokens = { vault: { token: provider.vault.mint(options), expirationTimestamp: "2100-01-01T00:00:00Z" } };
    expect(await provider.mount({ objects }, { tokens })).toMatchObject({
      ok: false,
      code: "PERMISSION_DENIED",
      message: expect.stringContaining(`another ${claim}`) as string,
    });
    expect(provider.vault.vault.log.to(/login|kv/)).toEqual([]);
  });

  test("an answer that Vault never gives is refused", async () => {
    const provider = await startProvider();
    for (const [index, body] of ["<html>", "", "[]", '{"data":', "null"].entries()) {
      provider.vault.vault.fault({ path: `kv/data/odd-${index}` }, answering(200, body));
    }
    const odd = Array.from(
      { length: 5 },
      (_, index) => `- {objectName: f${index}, secretPath: kv/data/odd-${index}, secretKey: a}`,
    );
    expect(await provider.mount({ objects: odd.join("\n") })).toMatchObject({ ok: false });
    await servesOn(provider);
  });
});
