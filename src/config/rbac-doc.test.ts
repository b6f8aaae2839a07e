import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const at = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("docs/security.md tells every right that the chart gives, and no others", () => {
  const rules = [
    ...at("deploy/chart/templates/rbac.yaml").matchAll(/resources: \[(.+)\]\n(?:.*\n)*?\s+verbs: \[(.+)\]/g),
  ];
  const given = rules.map(([, resources, verbs]) => `${resources}: ${verbs}`);
  const table = at("docs/security.md").split("## What keymount may do in Kubernetes")[1]!.split("\n## ")[0]!;
  const rows = table.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| for "));
  const told = rows.map((row) => {
    const [resource, verbs] = row.replaceAll("`", "").split(" | ").slice(2);
    return `${resource}: ${verbs!.replace(" |", "")}`;
  });
  expect(told).toEqual(given);
  expect(given.length).toBeGreaterThan(3);
});
