import { expect, test } from "vitest";
import { type ApiAnswer, refusal, startKubernetesApi } from "../../dev/testing/kubernetes-api.js";
import { podStatus } from "./pod-status.js";

const pod = { namespace: "shop", name: "web-0", uid: "uid-1" };
const never = new AbortController().signal;
const found = (uid: string, phase: string): ApiAnswer => ({
  status: 200,
  body: { metadata: { name: "web-0", uid }, status: { phase } },
});

test.each<[string, ApiAnswer, "gone" | "lives"]>([
  ["there is none", refusal(404, "NotFound"), "gone"],
  ["there is another of its name", found("uid-2", "Running"), "gone"],
  ["it has succeeded", found("uid-1", "Succeeded"), "gone"],
  ["it has failed", found("uid-1", "Failed"), "gone"],
  ["it runs", found("uid-1", "Running"), "lives"],
  ["it is about to start", found("uid-1", "Pending"), "lives"],
  ["its phase is unknown", found("uid-1", "Unknown"), "lives"],
])("where %s", async (_what, answer, status) => {
  const { client, calls } = await startKubernetesApi(() => answer);
  expect(await podStatus(client, pod, never)).toBe(status);
  expect(calls.map(({ path }) => path)).toEqual(["/api/v1/namespaces/shop/pods/web-0"]);
});

test("a pod that is larger than any answer may be lives, too", async () => {
  const long = "x".repeat(5 << 20);
  const body = { metadata: { uid: "uid-1", ownerReferences: [long] }, spec: { containers: [long] }, status: {} };
  const { client } = await startKubernetesApi(() => ({ status: 200, body }));
  expect(await podStatus(client, pod, never)).toBe("lives");
});

test.each<[string, ApiAnswer | "hang"]>([
  ["a proxy's 404", { status: 404, body: "not found" }],
  ["a 404 without a reason", { status: 404, body: {} }],
  ["a proxy's 404 in JSON", { status: 404, body: { reason: "NotFound" } }],
  ["a refusal", refusal(403, "Forbidden")],
  ["an error", refusal(500, "InternalError")],
  ["something else than a pod", { status: 200, body: { kind: "Status" } }],
  ["no answer", "hang"],
])("%s tells nothing", async (_what, answer) => {
  const { client } = await startKubernetesApi(() => answer, { timeoutMs: 50 });
  await expect(podStatus(client, pod, never)).rejects.toThrow();
});
