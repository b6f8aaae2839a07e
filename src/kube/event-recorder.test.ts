import { describe, expect, test } from "vitest";
import type { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { type ApiAnswer, refusal, startKubernetesApi } from "../../dev/testing/kubernetes-api.js";
import { until } from "../../dev/testing/until.js";
import { EventRecorder } from "./event-recorder.js";
import type { KubeEvent } from "./kube-event.js";
import type { PodEvent } from "./pod-event.js";

const pod = { namespace: "shop", name: "web-0", uid: "uid-1" };
const event = (change: Partial<PodEvent> = {}): PodEvent => ({
  pod,
  type: "Warning",
  reason: "SecretsNotRefreshed",
  message: "the volume of class web keeps older files: Vault is sealed",
  ...change,
});
const taken: ApiAnswer = { status: 201, body: {} };

async function startRecorder(answer: (call: { method: string; path: string }) => ApiAnswer | "hang" = () => taken) {
  const clock = new FakeClock(Date.parse("2026-11-23T08:00:00Z"));
  const { client, calls } = await startKubernetesApi(answer, { clock });
  const lost: (ProviderError | undefined)[] = [];
  let written = 0;
  const emit = (event: KubeEvent) => {
    if (event.kind === "podEventWritten") written += 1;
    if (event.kind === "podEventLost") lost.push(event.error);
  };
  const recorder = new EventRecorder({ kube: client, clock, random: () => 0.5, emit });
  const settled = (count: number) => until(() => written + lost.length === count);
  return { recorder, calls, clock, lost, settled, written: () => written };
}

test("an event is written where `kubectl describe pod` finds it", async () => {
  const { recorder, calls, settled } = await startRecorder();
  recorder.note(event());
  await settled(1);
  expect(calls).toMatchObject([
    {
      method: "POST",
      path: "/api/v1/namespaces/shop/events",
      body: {
        kind: "Event",
        metadata: { name: "web-0.800000000000", namespace: "shop" },
        involvedObject: { apiVersion: "v1", kind: "Pod", ...pod },
        type: "Warning",
        reason: "SecretsNotRefreshed",
        message: event().message,
        count: 1,
        firstTimestamp: "2026-11-23T08:00:00Z",
        lastTimestamp: "2026-11-23T08:00:00Z",
        source: { component: "keymount" },
      },
    },
  ]);
});

test("the same words again raise the count of the one event", async () => {
  const { recorder, calls, clock, settled } = await startRecorder();
  recorder.note(event());
  await settled(1);
  await clock.advance(60_000);
  recorder.note(event());
  await settled(2);
  expect(calls[1]).toMatchObject({
    method: "PATCH",
    path: "/api/v1/namespaces/shop/events/web-0.800000000000",
    body: { count: 2, lastTimestamp: "2026-11-23T08:01:00Z" },
  });
});

test("a pod that says the same every minute is written three times, then once in five minutes with all it said", async () => {
  const { recorder, calls, clock, settled } = await startRecorder();
  const counts = () => calls.map(({ body }) => (body as { count: number }).count);
  for (let minute = 1; minute <= 13; minute++) {
    recorder.note(event());
    // Written in minutes 1 to 3, then when five have passed since the first refill began.
    await settled(minute < 4 ? minute : minute < 6 ? 3 : minute < 11 ? 4 : 5);
    await clock.advance(60_000);
  }
  expect(counts()).toEqual([1, 2, 3, 6, 11]);
});

test("an event that the API server has forgotten is made again", async () => {
  const { recorder, calls, settled } = await startRecorder(({ method }) =>
    method === "PATCH" ? refusal(404, "NotFound") : taken,
  );
  recorder.note(event());
  await settled(1);
  recorder.note(event());
  await settled(2);
  expect(calls.map(({ method }) => method)).toEqual(["POST", "PATCH", "POST"]);
  expect(calls[2]!.body).toMatchObject({ count: 2 });
});

describe("of more events than a node may write", () => {
  /** An API server that answers at once, and the namespaces of what it took. */
  function start() {
    const clock = new FakeClock();
    const taken: string[] = [];
    let lost = 0;
    const recorder = new EventRecorder({
      kube: {
        call: async ({ path }) => {
          taken.push(path.split("/")[4]!);
          return new Redacted({});
        },
      },
      clock,
      random: () => 0.5,
      emit: ({ kind }) => kind === "podEventLost" && (lost += 1),
    });
    const note = (namespace: string, uid: string) => recorder.note(event({ pod: { namespace, name: uid, uid } }));
    const of = (namespace: string) => taken.filter((one) => one === namespace).length;
    return { clock, recorder, note, taken, of, lost: () => lost };
  }

  test("fifty are written at once and one each second after that; fifty wait, and the others are counted as lost", async () => {
    const { clock, note, taken, lost } = start();
    for (let n = 0; n < 50; n++) note("shop", `first-${n}`);
    await clock.advance(0);
    for (let n = 0; n < 200; n++) note("shop", `later-${n}`);
    expect([taken.length, lost()]).toEqual([50, 150]);
    await clock.advance(10_000);
    expect(taken).toHaveLength(60);
    await clock.advance(60_000);
    expect([taken.length, lost()]).toEqual([100, 150]);
  });

  test.each([1, 10, 600])("a namespace's own has its turn after %i s of another's flood", async (seconds) => {
    const { clock, note, taken, of } = start();
    const flood = (second: number) => {
      for (let n = 0; n < 100; n++) note("crowd", `${second}-${n}`);
    };
    for (let second = 0; second < seconds; second++) {
      flood(second);
      await clock.advance(1_000);
    }
    flood(seconds);
    note("shop", "web-0");
    await clock.advance(2_000);
    expect(of("shop")).toBe(1);
    expect(taken.length).toBeLessThanOrEqual(50 + seconds + 2);
  });

  test("what waits when keymount stops is not written", async () => {
    const { clock, recorder, note, taken } = start();
    for (let n = 0; n < 50; n++) note("shop", `first-${n}`);
    await clock.advance(0);
    note("shop", "later");
    await recorder.stop();
    await clock.advance(60_000);
    expect([taken.length, clock.sleepers]).toEqual([50, 0]);
  });
});

test("without the right to write, one refusal is reported and no request is sent for a minute", async () => {
  const { recorder, calls, clock, lost, settled } = await startRecorder(() => refusal(403, "Forbidden"));
  recorder.note(event());
  await settled(1);
  recorder.note(event({ message: "another" }));
  expect(calls).toHaveLength(1);
  expect(lost[0]!.message).toMatch(/forbids it to keymount's service account .*RBAC/);
  expect(lost).toHaveLength(2);
  await clock.advance(60_000);
  recorder.note(event({ message: "a third" }));
  await settled(3);
  expect(calls).toHaveLength(2);
});

test("an event of a namespace that has gone is lost alone", async () => {
  const { recorder, calls, settled } = await startRecorder(() => refusal(404, "NotFound"));
  recorder.note(event());
  await settled(1);
  recorder.note(event({ message: "another" }));
  await settled(2);
  expect(calls).toHaveLength(2);
});

test("a message is no longer than the API server takes", async () => {
  const { recorder, calls, settled } = await startRecorder();
  recorder.note(event({ message: "é".repeat(5_000) }));
  await settled(1);
  const { message } = calls[0]!.body as { message: string };
  expect(message).toMatch(/^é{500,}…$/);
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1_024);
});

test("messages with the same written part are one event, and the rest of them is not kept", async () => {
  const { recorder, calls, settled } = await startRecorder();
  for (const end of ["a", "b"]) recorder.note(event({ message: "x".repeat(100_000) + end }));
  await settled(2);
  expect(calls.map(({ method }) => method)).toEqual(["POST", "PATCH"]);
});

test("a message acts on no terminal", async () => {
  const { recorder, calls, settled } = await startRecorder();
  recorder.note(event({ message: "path kv/\u202eppa\u001b[2J" }));
  await settled(1);
  expect(calls[0]!.body).toMatchObject({ message: "path kv/\\u202eppa\\u001b[2J" });
});

test("an API server that does not answer holds up neither the teller nor the end", async () => {
  const { recorder, lost } = await startRecorder(() => "hang");
  recorder.note(event());
  await recorder.stop();
  expect(lost).toEqual([]);
});

test("an event whose creation was answered too late is updated from then on, not created again and again", async () => {
  const posts: ApiAnswer[] = [];
  const answer = ({ method }: { method: string }) => {
    if (method === "PATCH") return taken;
    return posts.push(taken) === 1 ? "hang" : refusal(409, "AlreadyExists");
  };
  const { recorder, calls, clock, settled, written } = await startRecorder(answer);
  recorder.note(event());
  await until(() => calls.length === 1);
  await clock.advance(10_000);
  await settled(1);
  await clock.advance(60_000);
  recorder.note(event());
  await settled(2);
  expect(written()).toBe(1);
  expect(calls.map(({ method }) => method)).toEqual(["POST", "POST", "PATCH"]);
  expect(calls[2]!.body).toMatchObject({ count: 2 });
});

test("a namespace that forbids everything, as one that is being deleted does, silences no other", async () => {
  const { recorder, calls, lost, settled, written } = await startRecorder(({ path }) =>
    path.includes("/dying/") ? refusal(403, "Forbidden") : taken,
  );
  for (const uid of ["a", "b"]) recorder.note(event({ pod: { namespace: "dying", name: uid, uid } }));
  for (let index = 0; index < 5; index++) recorder.note(event({ pod: { ...pod, uid: `uid-${index}` } }));
  await settled(7);
  expect([written(), lost.length]).toEqual([5, 2]);
  expect(calls.filter(({ path }) => path.includes("/dying/"))).toHaveLength(1);
});

test("pending events while the API server cannot be reached are counted as lost, without further requests", async () => {
  const { recorder, calls, lost, settled } = await startRecorder(() => refusal(500, "InternalError"));
  for (let index = 0; index < 5; index++) recorder.note(event({ pod: { ...pod, uid: `uid-${index}` } }));
  await settled(5);
  expect([calls.length, lost.length]).toEqual([1, 5]);
});

test("the reason why nothing is written is reported once, and again only after a successful write", async () => {
  let forbidden = true;
  const { recorder, clock, lost, settled } = await startRecorder(() => (forbidden ? refusal(403, "Forbidden") : taken));
  const told = () => lost.filter((error) => error !== undefined).length;
  for (let minute = 1; minute <= 12; minute++) {
    forbidden = minute !== 11;
    recorder.note(event({ message: `words of minute ${minute}` }));
    await settled(minute);
    await clock.advance(60_000);
    expect(told()).toBe(minute < 12 ? 1 : 2);
  }
});

test("a pod that always finds new words leaves room for the others", async () => {
  const { recorder, calls, settled } = await startRecorder();
  for (let index = 0; index < 60; index++) recorder.note(event({ message: `words ${index}` }));
  recorder.note(event({ pod: { ...pod, uid: "another" } }));
  await settled(61);
  expect(calls).toHaveLength(26);
});
