import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { kubernetesVersions, programs } from "../e2e/stack/programs.js";
import { driverVersions } from "../e2e/stack/csi-driver.js";

const at = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const page = at("docs/compatibility.md");
const rows = page.split("\n").filter((line) => line.startsWith("| "));
const cells = (row: string) => row.split("|").map((cell) => cell.trim());
const tested = (what: string) => cells(rows.find((row) => row.startsWith(`| ${what} |`)) ?? "")[2];

/** The version of a module that a go.mod of the stack pins. */
const pinned = (folder: string, module: string) =>
  new RegExp(`^\\s*(?:require )?${module} v(\\S+)`, "m").exec(at(`e2e/stack/${folder}/go.mod`))?.[1];

const kubernetes = Object.values(kubernetesVersions).map((version) => version.slice(1));
const drivers = driverVersions.map((version) =>
  pinned(`csi-driver-${version}`, "sigs.k8s.io/secrets-store-csi-driver"),
);
const vault = pinned("vault", "github.com/hashicorp/vault");

test("what is tested is what the suite is built from", () => {
  expect(tested("Kubernetes")).toBe(kubernetes.join(", "));
  expect(Object.keys(kubernetesVersions).map((name) => pinned(`kubernetes-${name}`, "k8s.io/kubernetes"))).toEqual(
    kubernetes,
  );
  expect(tested("Secrets Store CSI driver")).toBe(drivers.toReversed().join(", "));
  expect(tested("Vault")).toBe(vault);
  expect(tested("Helm")).toBe(pinned("helm", "helm.sh/helm/v3"));
  const { helm } = programs("1.34");
  expect(Object.values(helm.variables)).toEqual([`v${tested("Helm")}`]);
  expect(at("deploy/quickstart/vault.yaml")).toContain(`image: hashicorp/vault:${vault}\n`);
});

test("the combinations are those of .ci/run", () => {
  const combinations = rows.filter((row) => /^\| \d/.test(row)).map((row) => cells(row).slice(1, 4));
  const [[oldest, newest], [older, newer]] = [kubernetes, drivers];
  expect(combinations).toEqual([
    [oldest, newer, `Vault ${vault}`],
    [oldest, older, `Vault ${vault}`],
    [newest, newer, `Vault ${vault}`],
  ]);
  const ci = at(".ci/run");
  expect(ci).toMatch(
    /\nnewer\(\) \{\n +KEYMOUNT_E2E_KUBERNETES=1\.37 e2e \S+ cluster\/\{cases\/\{files,rotation,sync\},disruptions\/republish-failed\}\n\}\n/,
  );
  expect(ci.match(/\n +newer\n/g)).toHaveLength(2);
});

test("what is expected is what the chart, the package and the other pages ask for", () => {
  const expected = (what: string) => cells(rows.find((row) => row.startsWith(`| ${what} |`)) ?? "")[3]!;
  const oldest = /^(\S+) and newer/.exec(expected("Kubernetes"))![1]!;
  expect(at("deploy/chart/Chart.yaml")).toContain(`kubeVersion: ">=${oldest}.0-0"`);
  const { engines } = JSON.parse(at("package.json")) as { engines: { node: string } };
  expect(engines.node).toBe("^20.19.0 || ^22.12.0 || >=24");
  expect(expected("Node, outside the image")).toBe("from 20.19 and 22.12");
  expect(at("README.md")).toContain("You need Node 20 (from 20.19), 22 (from 22.12) or 24:");
  const helm = /^(\S+) and newer/.exec(expected("Helm"))![1]!;
  for (const place of ["docs/install.md", "deploy/chart/README.md"]) {
    expect(at(place)).toContain(`Kubernetes ${oldest} or newer, Helm ${helm} or newer`);
  }
});
