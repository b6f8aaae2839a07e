import { expect, test } from "vitest";
import { type ApiAnswer, type ApiCall, refusal, startKubernetesApi } from "../../dev/testing/kubernetes-api.js";
import { keyFromSecret } from "./key-secret.js";

const never = new AbortController().signal;
const at = { namespace: "keymount", name: "keymount-key" };
const bytes = (fill: number) => Buffer.alloc(32, fill);
const secretWith = (data: Record<string, string> | undefined): ApiAnswer => ({
  status: 200,
  body: { kind: "Secret", data },
});

/** Answers in turn; the last one again and again. */
function inTurn(...answers: ApiAnswer[]): () => ApiAnswer {
  return () => (answers.length > 1 ? answers.shift()! : answers[0]!);
}

const asked = (calls: readonly ApiCall[]) => calls.map(({ method, path }) => `${method} ${path}`);
const get = "GET /api/v1/namespaces/keymount/secrets/keymount-key";
const post = "POST /api/v1/namespaces/keymount/secrets";

test("takes the key that is there, as the Go providers put it", async () => {
  const { client, calls } = await startKubernetesApi(() => secretWith({ key: bytes(7).toString("base64") }));
  const key = await keyFromSecret(client, at, bytes.bind(null, 1), never);
  expect(key.reveal()).toEqual(bytes(7));
  expect(asked(calls)).toEqual([get]);
});

test("makes the Secret where there is none", async () => {
  const { client, calls } = await startKubernetesApi(({ method, body }) =>
    method === "POST" ? { status: 201, body: body as object } : refusal(404, "NotFound"),
  );
  const key = await keyFromSecret(client, at, (length) => Buffer.alloc(length, 9), never);
  expect(key.reveal()).toEqual(bytes(9));
  expect(asked(calls)).toEqual([get, post]);
  expect(calls[1]!.body).toMatchObject({
    kind: "Secret",
    type: "Opaque",
    metadata: { name: "keymount-key" },
    data: { key: bytes(9).toString("base64") },
  });
});

test("takes another's key when both make one at once", async () => {
  const answers = inTurn(
    refusal(404, "NotFound"),
    refusal(409, "AlreadyExists"),
    secretWith({ key: bytes(3).toString("base64") }),
  );
  const { client, calls } = await startKubernetesApi(answers);
  expect((await keyFromSecret(client, at, () => bytes(1), never)).reveal()).toEqual(bytes(3));
  expect(asked(calls)).toEqual([get, post, get]);
});

test.each([
  ["no data", undefined],
  ["another entry", { hmac: bytes(1).toString("base64") }],
  ["a short key", { key: Buffer.alloc(31).toString("base64") }],
  ["an empty key", { key: "" }],
])("refuses a Secret with %s, and never writes over it", async (_what, data) => {
  const { client, calls } = await startKubernetesApi(() => secretWith(data));
  await expect(keyFromSecret(client, at, () => bytes(1), never)).rejects.toMatchObject({
    code: "invalid_request",
    message: expect.stringContaining('Secret keymount/keymount-key has no entry "key" of at least 32 bytes') as string,
  });
  expect(asked(calls)).toEqual([get]);
});

test.each([
  ["it may not be read", [refusal(403, "Forbidden")], "permission_denied"],
  ["it may not be made", [refusal(404, "NotFound"), refusal(403, "Forbidden")], "permission_denied"],
  ["the API is unwell", [refusal(503, "ServiceUnavailable")], "unavailable"],
  [
    "a Secret comes and goes",
    [refusal(404, "NotFound"), refusal(409, "AlreadyExists"), refusal(404, "NotFound")],
    "unavailable",
  ],
])("fails when %s", async (_what, answers, code) => {
  const { client } = await startKubernetesApi(inTurn(...answers));
  await expect(keyFromSecret(client, at, () => bytes(1), never)).rejects.toMatchObject({ code });
});
