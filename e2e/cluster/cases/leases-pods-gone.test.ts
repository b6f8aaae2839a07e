import { describe, expect, test } from "vitest";
import { loginObjects } from "../../stack/engines.js";
import { eventually } from "../../stack/eventually.js";
import { createLeaseFixture } from "../stack/lease-fixture.js";
import { RunningPod } from "../stack/running-pod.js";

/** From a pod's end to its user's: keymount asks the API server, and then waits thirty seconds. */
const soonEnoughMs = 120_000;
const lives = { ttl: "1h", maxTtl: "24h" };
const fixture = await createLeaseFixture("gone", "together", lives);
const { app, workloads, signal, database, role, users, logIn } = fixture;

/** A role of the database for one case, so that its users can be distinguished; and a class that mounts its login. */
async function classOf(name: string): Promise<string> {
  await app.vault.request("POST", `${database}/roles/${name}`, {
    db_name: "postgres",
    creation_statements: [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`],
    default_ttl: lives.ttl,
    max_ttl: lives.maxTtl,
  });
  return app.createClass({ roleName: role, objects: loginObjects(database, name) });
}

const podOptionsOf = (secretProviderClass: string) => ({ volumes: { secrets: { secretProviderClass } } });
const noneOf = (name: string) => eventually(async () => expect(await users(name)).toEqual([]), signal, soonEnoughMs);

describe.concurrent("the login of a pod that", () => {
  test("was deleted is gone from the database", async () => {
    const pod = await workloads.runPod(podOptionsOf(await classOf("deleted")), signal);
    expect(await users("deleted")).toEqual([await logIn(pod)]);
    await workloads.removePod(pod.name, signal);
    await noneOf("deleted");
  });

  test("was evicted is gone, and no other pod's is", async () => {
    const options = podOptionsOf(await classOf("evicted"));
    const pods = [await workloads.runPod(options, signal), await workloads.runPod(options, signal)] as const;
    const stays = await logIn(pods[1]);
    const eviction = {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name: pods[0].name, namespace: app.namespace },
    };
    await app.kube.request("POST", `/api/v1/namespaces/${app.namespace}/pods/${pods[0].name}/eviction`, eviction);
    await eventually(async () => expect(await users("evicted")).toEqual([stays]), signal, soonEnoughMs);
    expect(await logIn(pods[1])).toBe(stays);
  });

  test("has done a Job's work is gone, while the pod is still there to read its log", async () => {
    const program = { image: "localhost/busybox:e2e", command: ["sleep", "5"] };
    const options = { ...podOptionsOf(await classOf("job")), program, restartPolicy: "Never" as const };
    const labels = { app: "job" };
    await app.kube.create({
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "job", namespace: app.namespace },
      spec: { template: { metadata: { labels }, spec: workloads.podSpec(options) } },
    });
    await eventually(async () => expect(await users("job")).toHaveLength(1), signal);
    await noneOf("job");
    const [pod] = await workloads.pods("job");
    expect(pod?.status.phase).toBe("Succeeded");
  });

  test("another of the same name has replaced is gone, and the other's is not", async () => {
    const labels = { app: "set" };
    await app.kube.create({
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name: "set", namespace: app.namespace },
      spec: {
        serviceName: "set",
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: workloads.podSpec(podOptionsOf(await classOf("set"))) },
      },
    });
    const [first] = await workloads.running("set", 1, signal);
    const previous = await logIn(first!);
    await app.kube.delete(
      { apiVersion: "v1", kind: "Pod", metadata: { name: "set-0", namespace: app.namespace } },
      "graceful",
    );
    const second = await eventually(async () => {
      const [pod] = await workloads.running("set", 1, signal);
      expect(pod!.uid).not.toBe(first!.uid);
      return new RunningPod(fixture.cluster, pod!.object);
    }, signal);
    const own = await logIn(second);
    expect(own).not.toBe(previous);
    await eventually(async () => expect(await users("set")).toEqual([own]), signal, soonEnoughMs);
    expect(await logIn(second)).toBe(own);
  });
});
