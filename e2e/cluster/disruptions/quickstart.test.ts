import { execFile } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { goModuleFolder } from "../../stack/build-programs.js";
import type { KubeObject } from "../../stack/kube-api.js";
import { DaemonSet } from "../stack/daemon-set.js";
import { createFixture } from "../stack/fixture.js";
import { keymountImage, keymountNamespace, sharedInstance } from "../stack/keymount.js";
import { scriptOfSection } from "../stack/documented-commands.js";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../../..");

const { cluster, app, signal } = await createFixture("quickstart", "alone");
const directory = await mkdtemp(join(cluster.directory, "quickstart-"));
const driverObjects = join(directory, "driver.yaml");

// The quickstart installs a provider `vault` of its own.
const shared = new DaemonSet(app.kube, keymountNamespace, sharedInstance);
beforeAll(() => shared.pause(signal));
afterAll(() => shared.resume(signal));

/** What a registry brings a node: image → what is here under another name. */
const imagesOfRegistries = async (): Promise<Record<string, string>> => ({
  [`docker.io/${await imageIn("vault.yaml")}`]: "localhost/vault:e2e",
  [`docker.io/library/${await imageIn("shop.yaml")}`]: "localhost/busybox:e2e",
});

async function imageIn(file: string): Promise<string> {
  return /image: (\S+)/.exec(await readFile(join(root, "deploy/quickstart", file), "utf8"))![1]!;
}

const images = (...args: readonly string[]) =>
  run("ctr", [`--address=${cluster.containerd}`, "--namespace=k8s.io", "images", ...args]);

test("the quickstart of README.md and the uninstalling of docs/install.md, command by command, do what they say", {
  timeout: 300_000,
}, async () => {
  await images("import", cluster.vaultImage);
  for (const [image, here] of Object.entries(await imagesOfRegistries())) await images("tag", here, image);
  const readme = await readFile(join(root, "README.md"), "utf8");
  const standIns = await readFile(join(import.meta.dirname, "../stack/kind-commands.sh"), "utf8");
  const commands = scriptOfSection(readme, "Quickstart");
  expect(commands.match(/^printed=/gm)).toHaveLength(4);
  const uninstall = scriptOfSection(await readFile(join(root, "docs/install.md"), "utf8"), "Uninstalling", 1);

  const { gitVersion } = await app.kube.request<{ gitVersion: string }>("GET", "/version");
  const driver = await goModuleFolder("csi-driver-1.6.0", "sigs.k8s.io/secrets-store-csi-driver", signal);
  const script = join(directory, "quickstart.sh");
  await writeFile(script, `${standIns}\nuninstall() {\n${uninstall}\n}\n${commands}\n`);
  const { stdout } = await run("bash", ["--norc", "-eEuo", "pipefail", script], {
    cwd: root,
    signal,
    env: {
      PATH: process.env["PATH"],
      HOME: directory,
      KUBECONFIG: cluster.kubeconfig,
      KUBECTL: cluster.binaries.kubectl,
      HELM: cluster.binaries.helm,
      API_SERVER: new URL(cluster.kubernetes.server).hostname,
      CONTAINERD: cluster.containerd,
      KEYMOUNT_IMAGE: keymountImage,
      KUBERNETES: gitVersion,
      DRIVER_CHART: join(driver, "charts/secrets-store-csi-driver"),
      DRIVER_OBJECTS: driverObjects,
    },
  });
  expect(stdout).toMatch(/^[1-9]\d* tokens? (was|were) revoked, with all (its|their) leases$/m);
  expect(stdout).toContain('release "keymount" uninstalled');
});

test("the driver's chart with these settings is the driver that runs here", async () => {
  const documents = parseAllDocuments(await readFile(driverObjects, "utf8"));
  const objects = documents.map((each) => each.toJS() as KubeObject | null).filter((each) => each !== null);
  const csiDriver = objects.find(({ kind }) => kind === "CSIDriver")!;
  const here = await app.kube.get<KubeObject & { spec: { tokenRequests: object[] } }>(csiDriver);
  const { tokenRequests, ...spec } = csiDriver["spec"] as { tokenRequests: object[] };
  expect(here.spec).toMatchObject(spec);
  expect(here.spec.tokenRequests).toEqual(expect.arrayContaining(tokenRequests));
  expect(tokenRequests).toEqual([{ audience: "vault" }]);
  expect(JSON.stringify(objects)).toContain('"--enable-secret-rotation=true","--rotation-poll-interval=10s"');
  expect(objects.map(({ metadata }) => metadata.name)).toContain("secretprovidersyncing-rolebinding");
});
