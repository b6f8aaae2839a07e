import { expect, test } from "vitest";
import { refusal, startKubernetesApi } from "../../dev/testing/kubernetes-api.js";
import { requestToken, tokenMinter } from "./token-request.js";

const never = new AbortController().signal;
const pod = { namespace: "shop", name: "web-1", uid: "uid-1", serviceAccount: "web" };
const expirationTimestamp = "2026-01-01T00:10:00Z";
const granted = { status: 201, body: { status: { token: "canary-jwt", expirationTimestamp } } };

test("asks for ten minutes, one audience, and a token that dies with the pod", async () => {
  const { client, calls } = await startKubernetesApi(() => granted);
  const minted = await tokenMinter(client, ["vault"]).mint(pod, "vault", never);
  expect(minted.jwt.reveal()).toBe("canary-jwt");
  expect(minted.expiresAt).toBe(Date.parse(expirationTimestamp));
  expect(calls).toEqual([
    {
      method: "POST",
      path: "/api/v1/namespaces/shop/serviceaccounts/web/token",
      authorization: "Bearer own-token",
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          audiences: ["vault"],
          expirationSeconds: 600,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "web-1", uid: "uid-1" },
        },
      },
    },
  ]);
});

test("the empty audience is the API server's own", async () => {
  const { client, calls } = await startKubernetesApi(() => granted);
  await tokenMinter(client, [""]).mint(pod, "", never);
  expect((calls[0]!.body as { spec: object }).spec).not.toHaveProperty("audiences");
});

test("for a service account alone, it is bound to no pod", async () => {
  const { client, calls } = await startKubernetesApi(() => granted);
  await requestToken(client, { namespace: "shop", serviceAccount: "web" }, "vault", never);
  expect((calls[0]!.body as { spec: object }).spec).toEqual({ audiences: ["vault"], expirationSeconds: 600 });
});

test("refuses an audience that is not listed, without asking", async () => {
  const { client, calls } = await startKubernetesApi(() => granted);
  await expect(tokenMinter(client, ["vault"]).mint(pod, "https://aws", never)).rejects.toMatchObject({
    code: "permission_denied",
    message: expect.stringContaining("listed in tokenRequest.audiences") as string,
  });
  expect(calls).toEqual([]);
});

test.each([
  [refusal(403, "Forbidden"), "permission_denied"],
  [refusal(404, "NotFound"), "not_found"],
  [refusal(409, "Conflict"), "unavailable"],
  [{ status: 201, body: { status: {} } }, "unavailable"],
])("names the service account when %o", async (answer, code) => {
  const { client } = await startKubernetesApi(() => answer);
  await expect(tokenMinter(client, ["vault"]).mint(pod, "vault", never)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(/^making a token of service account shop\/web: /) as string,
  });
});
