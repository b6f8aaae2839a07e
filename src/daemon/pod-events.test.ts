import { expect, test, vi } from "vitest";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { startKubernetesApi } from "../../dev/testing/kubernetes-api.js";
import { startProvider } from "../../dev/testing/start-provider.js";

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
    await vi.waitUntil(() => api.calls.length >= count);
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
