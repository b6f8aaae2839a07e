import { expect, test } from "vitest";
import type { VaultRequest } from "../mount/mount-spec.js";
import { Redacted } from "../shared/redacted.js";
import { NodeWorld } from "../../dev/testing/model/node-world.js";
import { readRequests } from "../../dev/testing/read-requests.js";

const minute = 60_000;
const hour = 60 * minute;

/** A token that lives longer than that of the pod. */
function making(path: string): VaultRequest {
  return { method: "POST", path, query: "", args: new Redacted('{"policies":["app"],"ttl":"24h"}') };
}

/** A Vault whose pods may make tokens; their own live an hour, and six at most. */
async function nodeOfMakers(): Promise<NodeWorld> {
  const world = new NodeWorld();
  await world.furnish();
  await world.reset();
  await world.admin("POST", "sys/policies/acl/app", { policy: 'path "kv/data/ann" { capabilities = ["read"] }' });
  await world.admin("POST", "sys/policies/acl/maker", {
    policy: `path "auth/token/create" { capabilities = ["update"] }
      path "auth/token/create-orphan" { capabilities = ["update", "sudo"] }`,
  });
  await world.admin("POST", "auth/kubernetes/role/ann", {
    bound_service_account_names: ["ann"],
    bound_service_account_namespaces: ["ann"],
    audience: "vault",
    token_policies: ["maker", "app"],
    token_ttl: "1h",
    token_max_ttl: "6h",
  });
  return world;
}

/** What the volume shows after a Mount. */
async function shown(world: NodeWorld, { principal }: ReturnType<NodeWorld["addPod"]>, request: VaultRequest) {
  const transaction = world.credentials.source.begin(principal);
  const [answer] = await readRequests(transaction, [request]);
  transaction.commit("v");
  transaction.end();
  await world.credentials.settled();
  return (answer!.body.reveal() as unknown as { auth: { client_token: string } }).auth.client_token;
}

/** As versions write records that count leases alone. */
async function countLeasesAlone({ records }: NodeWorld): Promise<void> {
  for (const { name, payload } of records.all()) {
    const text = payload
      .reveal()
      .toString()
      .replace(/"leases":\d+/g, '"leases":0');
    await records.write(name, new Redacted(Buffer.from(text)));
  }
}

const nothing = () => Promise.resolve();
const restart = (world: NodeWorld) => world.restart();
const upgrade = async (world: NodeWorld) => {
  await countLeasesAlone(world);
  world.start();
};

test.each<[string, string, (world: NodeWorld) => Promise<void>, number]>([
  ["a child of the pod's token", "auth/token/create", nothing, 5],
  ["a child, with a restart every three hours", "auth/token/create", restart, 5],
  ["a child, after a version that counted no children", "auth/token/create", upgrade, 5],
  ["an orphan", "auth/token/create-orphan", nothing, 2],
])("a token that a volume shows lives until it shows the next: %s", async (_what, path, everyThreeHours, made) => {
  const world = await nodeOfMakers();
  const pod = world.addPod("ann", "set");
  const all = new Set<string>();
  const lives = (token: string) => world.vault.cluster.tokens.find(token) !== undefined;
  let before: string | undefined;
  for (let passed = 0; passed < 24 * hour; passed += 2 * minute) {
    if (passed % (3 * hour) === 2 * minute) await everyThreeHours(world);
    const token = await shown(world, pod, making(path));
    expect(lives(before ?? token), `what is replaced ends by itself, ${passed / minute} minutes later`).toBe(true);
    await world.pass(2 * minute);
    expect(lives(token), `until the next Mount, ${passed / minute} minutes later`).toBe(true);
    all.add(token);
    before = token;
  }
  expect(all.size).toBe(made);
});
