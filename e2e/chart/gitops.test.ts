import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { loadOptions } from "../../src/config/load-options.js";
import { chart } from "../stack/helm.js";
import type { KubeObject } from "../stack/kube-api.js";
import { conforms, isForeign } from "./foreign-kinds.js";
import { api, binaries, newNamespace, offline } from "./fixture.js";

const signal = new AbortController().signal;
const folder = join(chart, "../gitops");

const objectsIn = (text: string) => parseAllDocuments(text).map((document) => document.toJS() as KubeObject);

/** Each object of these is judged by its own API, or by the schema of one that is not here. */
async function judge(objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) {
    if (isForeign(object)) await conforms(binaries.kubeconform, object, signal);
    else await api.dryRun(object);
  }
}

interface Application {
  source: { path: string; helm: { releaseName: string; valuesObject: object } };
  destination: { namespace: string };
}

interface HelmRelease {
  releaseName: string;
  chart: { spec: { chart: string } };
  values: object;
}

describe.each([
  [
    "argo-cd.yaml",
    ([application]: KubeObject[]) => {
      const { source, destination } = application!["spec"] as Application;
      const { releaseName: release, valuesObject: values } = source.helm;
      return { path: source.path, release, namespace: destination.namespace, values };
    },
  ],
  [
    "flux.yaml",
    (objects: KubeObject[]) => {
      const { metadata, ...found } = objects.find(({ kind }) => kind === "HelmRelease")!;
      const { releaseName: release, chart: template, values } = found["spec"] as HelmRelease;
      return { path: template.spec.chart, release, namespace: metadata.namespace!, values };
    },
  ],
])("deploy/gitops/%s", (file, read) => {
  test("has only fields that its controllers know", async () => {
    await judge(objectsIn(await readFile(join(folder, file), "utf8")));
  });

  test("has values that the chart takes, and from which it renders the same each time", async () => {
    const { path, release, namespace, values } = read(objectsIn(await readFile(join(folder, file), "utf8")));
    expect(join(chart, "../..", path)).toBe(join(chart));
    const [first, second] = [
      await offline.template(release, namespace, values, signal),
      await offline.template(release, namespace, values, signal),
    ];
    expect(first).toContain("kind: DaemonSet");
    expect(second).toBe(first);
  });
});

test("deploy/gitops/kustomize builds objects that the API server takes, and a file that keymount takes", async () => {
  const { stdout } = await promisify(execFile)(binaries.kubectl, ["kustomize", join(folder, "kustomize")]);
  const objects = objectsIn(stdout);
  const namespace = await newNamespace();
  await judge(
    objects.map((object) =>
      object.metadata.namespace ? { ...object, metadata: { ...object.metadata, namespace } } : object,
    ),
  );
  const file = objects.find(({ kind }) => kind === "ConfigMap")!["data"] as Record<string, string>;
  const options = loadOptions({
    argv: ["--config=keymount.yaml"],
    env: { KUBERNETES_SERVICE_HOST: "10.0.0.1", NODE_NAME: "node-1" },
    execArgv: [],
    readFile: () => file["keymount.yaml"]!,
  });
  expect(options.operator.connections.length).toBe(1);
  expect(stdout).toContain("image: registry.example/keymount:");
});
