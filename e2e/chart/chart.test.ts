import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { imageCommand } from "../../dev/testing/image.js";
import { heapMistakes } from "../../src/config/heap-room.js";
import { loadOptions } from "../../src/config/load-options.js";
import { chart } from "../stack/helm.js";
import type { KubeObject } from "../stack/kube-api.js";
import { conforms, isForeign } from "./foreign-kinds.js";
import { manifests, renderManifests } from "./render-manifests.js";
import { api, binaries, helm, newNamespace, offline } from "./fixture.js";
import { base, matrix, valuesOf } from "./values.js";

const signal = new AbortController().signal;

async function rendered(values: object, namespace: string, release = "keymount"): Promise<KubeObject[]> {
  const text = await offline.template(release, namespace, values, signal);
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}

test("helm finds nothing wrong with it", async () => {
  const said = await offline.run(["lint", chart, "--strict", `--set=vault.address=${base.vault.address}`], signal);
  expect(said).toContain("1 chart(s) linted, 0 chart(s) failed");
});

describe.each(Object.entries(matrix))("with values for %s", (_, set) => {
  test("the API server takes every object, field by field", async () => {
    const namespace = await newNamespace();
    const objects = await rendered(valuesOf(set), namespace);
    expect(objects.length).toBeGreaterThan(2);
    for (const object of objects) {
      if (isForeign(object)) await conforms(binaries.kubeconform, object, signal);
      else await api.dryRun(object);
    }
  });

  test("keymount takes the configuration file", async () => {
    const objects = await rendered(valuesOf(set), "keymount");
    const file = objects.find(({ kind, data }) => kind === "ConfigMap" && "keymount.yaml" in (data as object));
    const options = loadOptions({
      argv: ["--config=keymount.yaml"],
      env: { KUBERNETES_SERVICE_HOST: "10.0.0.1", NODE_NAME: "node-1" },
      execArgv: [],
      readFile: () => (file!["data"] as Record<string, string>)["keymount.yaml"]!,
    });
    expect(options.operator.connections.length).toBeGreaterThan(0);
  });
});

test.each([
  [{}, "keymount"],
  [{ fullnameOverride: "vault-csi" }, "vault-csi"],
  [{ nameOverride: "secrets" }, "keymount-secrets"],
])("the alert for a node without it is for the DaemonSet that %j names", async (names, name) => {
  const objects = await rendered(valuesOf({ ...names, metrics: { rules: { enabled: true } } }), "storage");
  const daemonSet = objects.find(({ kind }) => kind === "DaemonSet")!;
  expect(daemonSet.metadata).toMatchObject({ name, namespace: "storage" });
  const rules = objects.find(({ kind }) => kind === "PrometheusRule")! as unknown as {
    spec: { groups: { rules: { alert: string; expr: string }[] }[] };
  };
  const absent = rules.spec.groups.flatMap((group) => group.rules).find(({ alert }) => alert === "KeymountAbsent")!;
  expect(absent.expr).toBe(`kube_daemonset_status_number_unavailable{namespace="storage",daemonset="${name}"} > 0`);
});

test("an object with a field that its kind has not is found, also where the API server does not know the kind", async () => {
  const values = valuesOf({ ...matrix["all monitoring"], ...matrix["OpenShift"] });
  const foreign = (await rendered(values, "keymount")).filter(isForeign);
  expect(foreign.map(({ kind }) => kind).sort()).toEqual([
    "PodMonitor",
    "PrometheusRule",
    "SecurityContextConstraints",
    "ServiceMonitor",
  ]);
  for (const object of foreign) {
    await expect(conforms(binaries.kubeconform, { ...object, sepc: {} }, signal)).rejects.toThrow("sepc");
  }
});

test("helm status prints a container and volumes that the sync controller's Deployment takes", async () => {
  const namespace = await newNamespace();
  const labels = { app: "controller" };
  const notes = await helm.notes("keymount", namespace, { ...base, form: "sidecar" }, signal);
  const sidecar = parse(notes.slice(notes.indexOf("containers:"))) as { containers: object[]; volumes: object[] };
  expect(sidecar).toMatchObject({ containers: [{ name: "keymount" }], volumes: [{ name: "config" }, {}] });
  const deploymentOf = (spec: object) => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "controller", namespace },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
  await api.dryRun(deploymentOf(sidecar));
  // The controller's chart alone: what it applies cannot be patched afterwards, because it is never there.
  await expect(api.dryRun(deploymentOf({ ...sidecar, volumes: [] }))).rejects.toThrow(
    "volumeMounts[0].name: Not found",
  );
});

test.each<[string, object, string[]]>([
  ["a sidecar listens where the controller looks", { form: "sidecar" }, ["/var/run/secrets-store-sync-providers"]],
  [
    "a sidecar that knows the controller's interval keeps what it holds beside what a DaemonSet of the node keeps",
    { form: "sidecar", sidecar: { pollInterval: "1h" } },
    ["syncPollInterval: 1h", "stateDir: /run/keymount/vault-sync"],
  ],
  ["the least heap with room for the limits", { heapMiB: 60 }, ["--max-old-space-size=60"]],
  [
    "limits that just fit the heap, with and without a unit",
    { config: { limits: { bytes: "20480Ki", inFlightBytes: 20 * 2 ** 20 } } },
    ["bytes: 20480Ki"],
  ],
  ["a DaemonSet listens where the driver looks", {}, ["path: /var/run/secrets-store-csi-providers"]],
  [
    "tokens of our own are for the audiences that the connection asks for",
    { vault: { ...base.vault, audiences: ["", "shop"] }, tokenRequest: { fallback: true } },
    ["tokenRequest:\n      audiences:\n      - shop\n      fallback: true", 'audience in ["shop"]'],
  ],
  [
    "a network policy lets DNS through on OpenShift",
    { networkPolicy: { enabled: true }, openshift: { enabled: true } },
    ["port: 5353"],
  ],
])("%s", async (_, values, parts) => {
  const text = await offline.template("keymount", "keymount", { ...base, ...values }, signal);
  for (const part of parts) expect(text).toContain(part);
});

test.each<[string, object, string]>([
  ["a misspelt value", { vualt: {} }, "vualt"],
  ["a misspelt value further in", { vault: { adress: "https://v" } }, "adress"],
  ["an address without a scheme", { vault: { address: "vault:8200" } }, "address"],
  ["a name that no socket may have", { provider: "my vault" }, "provider"],
  ["a fraction of a pod", { updateStrategy: { maxUnavailable: 0 } }, "maxUnavailable"],
  ["text for a number", { health: { port: "8080" } }, "port"],
  ["a form that there is not", { form: "deployment" }, "form"],
  ["a level that there is not", { logLevel: "verbose" }, "logLevel"],
  ["no Vault at all", { vault: { address: "" } }, "no Vault: set vault.address, or connections in config"],
  ["two CAs", { vault: { ...base.vault, ca: { configMap: "a", secret: "b" } } }, "cannot both be set"],
  ["a setting that there is not", { config: { connections: { default: { polcy: {} } } } }, "polcy"],
  ["a size in other units", { config: { limits: { bytes: "16MB" } } }, "/config/limits/bytes"],
  [
    "several connections without a default",
    { vault: {}, config: { connections: { b: { addresses: ["https://b"] }, a: { addresses: ["https://a"] } } } },
    "config.default is missing: name the connection of SecretProviderClasses that name none (a, b)",
  ],
  [
    "a CA without the connection that it is for",
    { vault: { ca: { configMap: "a" } }, config: { connections: { a: { addresses: ["https://a"] } } } },
    "vault.address, which is empty",
  ],
  ["another name in the file", { config: { providerName: "openbao" } }, "set the value provider instead"],
  ["another key in the file", { config: { keySecret: "other" } }, "set the value key.secretName instead"],
  ["events in the file alone", { config: { events: true } }, "set the value events.enabled instead"],
  ["an interval that is no duration", { form: "sidecar", sidecar: { pollInterval: "hourly" } }, "pollInterval"],
  [
    "a sidecar's interval for pods",
    { config: { syncPollInterval: "1h" } },
    "set the value sidecar.pollInterval instead",
  ],
  ["a sidecar's interval in a DaemonSet", { sidecar: { pollInterval: "1h" } }, "no effect without form: sidecar"],
  [
    "a heap without room for the limits",
    { heapMiB: 59 },
    "heapMiB 59 has room for 35 MiB of config.limits.bytes and config.limits.inFlightBytes, which are 36 MiB together; lower them, or set heapMiB to 60",
  ],
  [
    "limits without room in the heap",
    { config: { limits: { bytes: "64Mi", inFlightBytes: 20 * 2 ** 20 + 1 } } },
    "which are 85 MiB together; lower them, or set heapMiB to 109",
  ],
  [
    "an alert that there is not",
    { metrics: { rules: { disabled: ["KeymountMemry"] } } },
    "KeymountMemry is not an alert; there are KeymountAbsent, KeymountConnectionFaulty, ",
  ],
  ["tokens of a sidecar's own", { form: "sidecar", tokenRequest: { fallback: true } }, "no place in the form sidecar"],
  ["a sidecar's other user", { form: "sidecar", nonRoot: { enabled: true } }, "no place in the form sidecar"],
])("%s is refused, by name", async (_, values, message) => {
  await expect(offline.template("keymount", "keymount", { ...base, ...values }, signal)).rejects.toThrow(message);
});

test.each([
  { values: {}, memory: "160Mi", command: undefined },
  {
    values: { heapMiB: 96 },
    memory: "192Mi",
    command: imageCommand.map((word) => word.replace("space-size=64", "space-size=96")),
  },
  { values: { resources: { limits: { memory: "1Gi" } } }, memory: "1Gi", command: undefined },
])("the memory limit and the command follow the heap: $values", async ({ values, memory, command }) => {
  const daemonSet = (await rendered({ ...base, ...values }, "keymount")).find(({ kind }) => kind === "DaemonSet");
  const [container] = (
    daemonSet as unknown as { spec: { template: { spec: { containers: Record<string, unknown>[] } } } }
  ).spec.template.spec.containers;
  expect(container).toMatchObject({ resources: { requests: { memory: "80Mi" }, limits: { memory } } });
  expect(container!["command"]).toEqual(command);
});

test("serve needs the same heap for the usual limits as the chart: 60 MiB", () => {
  const argv = [`--vault-addr=${base.vault.address}`];
  const { limits } = loadOptions({ argv, env: {}, execArgv: [], readFile: () => "" });
  expect(heapMistakes(limits, 60 << 20)).toEqual([]);
  expect(heapMistakes(limits, 59 << 20)).toHaveLength(1);
});

test("a file that agrees with the values is taken, as keymount migrate writes it", async () => {
  const config = { providerName: "vault", keySecret: "keymount-key", logLevel: "debug" };
  expect(await offline.template("keymount", "keymount", { ...base, config }, signal)).toContain("logLevel: debug");
});

test("deploy/manifests is what the chart renders: npm run manifests", async () => {
  expect(await renderManifests(offline, signal)).toBe(await manifests());
});
