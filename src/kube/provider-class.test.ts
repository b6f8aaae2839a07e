import { expect, test } from "vitest";
import { refusal, startKubernetesApi } from "../../dev/testing/kubernetes-api.js";
import { readProviderClass } from "./provider-class.js";

const never = new AbortController().signal;
const web = { namespace: "shop", name: "web" };

test("reads a class by its name", async () => {
  const spec = { provider: "vault", parameters: { roleName: "web" }, secretObjects: [] };
  const { client, calls } = await startKubernetesApi(() => ({
    status: 200,
    body: { kind: "SecretProviderClass", spec },
  }));
  expect(await readProviderClass(client, web, never)).toEqual({
    spec: { provider: "vault", parameters: { roleName: "web" } },
  });
  expect(calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "GET /apis/secrets-store.csi.x-k8s.io/v1/namespaces/shop/secretproviderclasses/web",
  ]);
});

test.each<[string, Parameters<typeof startKubernetesApi>[0], typeof web, object]>([
  ["that is not there", () => refusal(404, "NotFound"), web, { code: "not_found", status: 404 }],
  ["that it may not read", () => refusal(403, "Forbidden"), web, { code: "permission_denied", status: 403 }],
  ["of no shape", () => ({ status: 200, body: { spec: "canary" } }), web, { message: /gave no class$/ }],
  ["whose name climbs", () => "hang", { ...web, name: "../secrets/x" }, { code: "invalid_request" }],
])("refuses one %s", async (_what, answer, asked, error) => {
  const { client } = await startKubernetesApi(answer);
  const thrown: unknown = await readProviderClass(client, asked, never).catch((reason: unknown) => reason);
  const { message, ...others } = error as { message?: RegExp };
  expect(thrown).toMatchObject(others);
  if (message) expect((thrown as Error).message).toMatch(message);
});
