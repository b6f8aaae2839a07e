import { describe, expect, test } from "vitest";
import { type ApiAnswer, type ApiCall, refusal, startKubernetesApi } from "../../dev/testing/kubernetes-api.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { keyFromSecret, keySecretChanges } from "./key-secret.js";

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
  ["an admission policy refuses it", [refusal(404, "NotFound"), refusal(422, "Invalid")], "invalid_request"],
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

describe("changes of the Secret", () => {
  const fillOf = (key: { reveal: () => Buffer } | undefined) => key?.reveal()[0];
  const held = (fill: number) => ({
    metadata: { resourceVersion: "41" },
    data: { key: bytes(fill).toString("base64") },
  });
  const happened = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;
  const watching = (...events: string[]): ApiAnswer => ({ status: 200, body: events.join(""), open: true });
  const found = (fill: number): ApiAnswer => ({ status: 200, body: held(fill) });
  const isWatch = ({ path }: ApiCall) => path.includes("watch=true");

  /** The first so many changes that an API server with these watches and reads, each in turn, makes known. */
  async function changesOf(reads: ApiAnswer[], watches: ApiAnswer[], count: number) {
    const [read, watch] = [inTurn(...reads), inTurn(...watches)];
    const { client, calls } = await startKubernetesApi((call) => (isWatch(call) ? watch() : read()));
    const clock = new FakeClock();
    const changes = keySecretChanges(client, at, { clock, random: () => 0.5 }, never);
    const seen: (number | undefined)[] = [];
    const slept: number[] = [];
    while (seen.length < count) {
      const next = changes.next();
      // A rest is due where nothing comes.
      const ticking = setInterval(() => {
        if (clock.sleepers === 0) return;
        slept.push(1);
        void clock.advance(75_000);
      }, 5);
      const { value } = await next.finally(() => clearInterval(ticking));
      seen.push(fillOf(value));
    }
    return { seen, calls, rests: slept.length };
  }

  test.each<[string, ApiAnswer[], ApiAnswer[], (number | undefined)[]]>([
    ["replaced", [found(1)], [watching(happened("MODIFIED", held(2)))], [1, 2]],
    [
      "deleted and made again",
      [found(1)],
      [watching(happened("DELETED", held(1)), happened("ADDED", held(2)))],
      [1, undefined, 2],
    ],
    ["made later", [refusal(404, "NotFound")], [watching(happened("ADDED", held(3)))], [undefined, 3]],
    [
      "too old to watch",
      [found(1), found(2)],
      [{ status: 200, body: happened("ERROR", { code: 410 }) }, watching()],
      [1, 2],
    ],
    ["watched again when the watch ends", [found(1), found(2)], [{ status: 200, body: "" }, watching()], [1, 2]],
    [
      "only read, where watching is forbidden",
      [found(1), found(1), refusal(404, "NotFound")],
      [refusal(403, "Forbidden")],
      [1, 1, undefined],
    ],
  ])("is known when it is %s", async (_what, reads, watches, expected) => {
    expect((await changesOf(reads, watches, expected.length)).seen).toEqual(expected);
  });

  test("the watch is of the one Secret, from the version that was read", async () => {
    const { calls } = await changesOf([found(1)], [watching(happened("MODIFIED", held(2)))], 2);
    expect(asked(calls)).toEqual([
      get,
      `GET /api/v1/namespaces/keymount/secrets?fieldSelector=metadata.name%3Dkeymount-key&watch=true&timeoutSeconds=300&resourceVersion=41`,
    ]);
  });

  test("where watching is forbidden it is read at most once a minute", async () => {
    const { calls, rests } = await changesOf([found(1)], [refusal(403, "Forbidden")], 3);
    expect(calls.filter((call) => !isWatch(call))).toHaveLength(3);
    expect(rests).toBe(2);
  });

  test.each<[string, ApiAnswer[], ApiAnswer[], string]>([
    ["the Secret loses its key", [found(1)], [watching(happened("MODIFIED", { data: {} }))], "invalid_request"],
    ["an event is none", [found(1)], [watching('{"type":"NEWS"}\n')], "unavailable"],
    ["the API is unwell", [found(1)], [refusal(503, "ServiceUnavailable")], "unavailable"],
  ])("fails when %s", async (_what, reads, watches, code) => {
    await expect(changesOf(reads, watches, 2)).rejects.toMatchObject({ code });
  });
});

test.each([refusal(403, "Forbidden"), refusal(422, "Invalid")])(
  "a Secret that may not be made ($status) can be made by hand, and the error says how",
  async (refused) => {
    const { client } = await startKubernetesApi(inTurn(refusal(404, "NotFound"), refused));
    await expect(keyFromSecret(client, at, () => bytes(1), never)).rejects.toThrow(
      "kubectl -n keymount create secret generic keymount-key --from-file=key=/dev/stdin",
    );
  },
);
