import { describe, expect, test } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { startKubernetesApi } from "../../dev/testing/kubernetes-api.js";
import { startProvider } from "../../dev/testing/start-provider.js";
import { until } from "../../dev/testing/until.js";
import type { PodEvent } from "../kube/pod-event.js";
import type { MountSpec } from "../mount/mount-spec.js";
import type { ObjectVersion } from "../mount/mount-volume.js";
import { ProviderError } from "../shared/errors.js";
import { PodEvents } from "./pod-events.js";

const objects = "- {objectName: app, secretPath: kv/data/app, secretKey: password, refreshInterval: 1s}";
const parameters = { secretProviderClass: "web-class", objects };

async function start() {
  const api = await startKubernetesApi(() => ({ status: 201, body: {} }));
  const clock = new FakeClock(Date.now());
  const provider = await startProvider({ events: api.client, clock });
  const seal = (sealed: boolean) => (provider.vault.vault.node.status.sealed = sealed);
  /** Mounts, and gives what the events have said by then, once there are so many. */
  async function mounted(count: number, change: Record<string, string> = {}) {
    await provider.mount({ ...parameters, ...change });
    await until(() => api.calls.length >= count);
    return api.calls.map(({ body }) => body as { type: string; reason: string; message: string; count: number });
  }
  return { clock, seal, mounted, calls: api.calls };
}

test("a first mount that fails is the kubelet's to tell", async () => {
  const { seal, mounted } = await start();
  seal(true);
  expect(await mounted(0)).toEqual([]);
});

test("a pod that keeps older files gets events: why, how often, and when it is up to date again", async () => {
  const { clock, seal, mounted } = await start();
  expect(await mounted(0)).toEqual([]);
  seal(true);
  await clock.advance(6 * 60_000);
  const [first] = await mounted(1);
  expect(first).toMatchObject({
    type: "Warning",
    reason: "SecretsNotRefreshed",
    message: expect.stringMatching(
      /^the volume of class web-class keeps older files: .*Vault at .* is sealed/,
    ) as string,
    involvedObject: { namespace: "shop", name: "web-0", uid: "uid-1" },
    count: 1,
  });
  await clock.advance(6 * 60_000);
  expect((await mounted(2))[1]).toMatchObject({ count: 2 });
  seal(false);
  await clock.advance(6 * 60_000);
  const told = await mounted(3);
  expect(told[2]).toMatchObject({
    type: "Normal",
    reason: "SecretsRefreshed",
    message: "the volume of class web-class is up to date again",
  });
  await mounted(3);
  expect(told).toHaveLength(3);
});

test("a republish that is refused as a whole is reported, too, since the driver hides it", async () => {
  const { mounted } = await start();
  await mounted(0);
  const [told] = await mounted(1, { objects: "- {objectName: app}" });
  expect(told!.message).toMatch(/^the volume of class web-class keeps its files: objects\[0\] "app": .*secretPath/);
});

describe("changed content", () => {
  const spec = {
    pod: { namespace: "shop", name: "web-0", uid: "uid-1", serviceAccount: "web" },
    className: "web",
    targetPath: "/var/lib/kubelet/pods/uid-1/volumes/kubernetes.io~csi/secrets/mount",
  } as MountSpec;
  type Contents = Readonly<Record<string, string>>;
  const versionsOf = (contents: Contents): ObjectVersion[] =>
    Object.entries(contents).map(([id, version]) => ({ id, version }));

  /** What is told of Mounts with these contents, one after the other. */
  function toldOf(mounts: readonly Contents[], target: Partial<MountSpec> = {}): PodEvent[] {
    const told: PodEvent[] = [];
    const events = new PodEvents((event) => told.push(event));
    for (const [index, contents] of mounts.entries()) {
      const unchanged = JSON.stringify(contents) === JSON.stringify(mounts[index - 1]);
      events.mounted({ ...spec, ...target }, { stale: [], contents: versionsOf(contents), unchanged });
    }
    return told;
  }
  const many = (version: string) => Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`f${n + 100}`, version]));

  test.each<[string, Contents[], string | undefined]>([
    ["a first mount", [{ a: "1" }], undefined],
    ["a Mount that changes nothing", [{ a: "1" }, { a: "1" }], undefined],
    [
      "one object of two",
      [
        { a: "1", b: "1" },
        { a: "1", b: "2" },
      ],
      "b",
    ],
    [
      "both",
      [
        { a: "1", b: "1" },
        { a: "2", b: "2" },
      ],
      "a, b",
    ],
    [
      "an object that takes the content of another",
      [
        { a: "1", b: "2" },
        { a: "1", b: "1" },
      ],
      "b",
    ],
    ["an object that the class has got", [{ a: "1" }, { a: "1", b: "1" }], "b"],
    ["an object that the class has lost", [{ a: "1", b: "1" }, { a: "1" }], undefined],
    [
      "another order",
      [
        { a: "1", b: "2" },
        { b: "2", a: "1" },
      ],
      undefined,
    ],
    ["a name that is no plain word", [{ "a b\u202e": "1" }, { "a b\u202e": "2" }], String.raw`"a b\u202e"`],
    ["after Mounts that change nothing", [{ a: "1" }, { a: "1" }, { a: "2" }], "a"],
  ])("%s", (_name, mounts, names) => {
    const event = {
      type: "Normal",
      reason: "SecretsChanged",
      message: `the volume of class web has new content: ${names}`,
    };
    expect(toldOf(mounts)).toEqual(
      names === undefined ? [] : [{ pod: { namespace: "shop", name: "web-0", uid: "uid-1" }, ...event }],
    );
  });

  test("names twenty objects, and counts the others", () => {
    const [event] = toldOf([many("1"), many("2")]);
    expect(event!.message).toMatch(/: f100, f101, .*f119, and 80 more$/);
  });

  test("is told of pods' volumes alone", () => {
    expect(toldOf([{ a: "1" }, { a: "2" }], { targetPath: "/mnt/secrets-store" })).toEqual([]);
  });

  test("is told after a Mount that failed, too", () => {
    const told: string[] = [];
    const events = new PodEvents(({ reason }) => told.push(reason));
    const mounted = (version: string) =>
      events.mounted(spec, { stale: [], contents: versionsOf({ a: version }), unchanged: false });
    mounted("1");
    events.refused(spec.targetPath, new ProviderError("unavailable", "sealed"));
    mounted("2");
    expect(told).toEqual(["SecretsNotRefreshed", "SecretsChanged", "SecretsRefreshed"]);
  });
});
