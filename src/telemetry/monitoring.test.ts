import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { Metrics } from "./metrics.js";

const at = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const alerts = parse(at("deploy/chart/monitoring/alerts.yaml")) as {
  groups: { rules: { alert: string; expr: string; annotations: { summary: string; runbook: string } }[] }[];
};
const rules = alerts.groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(at("deploy/chart/monitoring/dashboard.json")) as {
  panels: { id: number; type: string; title: string; targets?: { expr: string }[] }[];
  templating: { list: { label: string }[] };
};

const metrics = new Metrics("1.2.3");
const inventory = {
  volumes: 0,
  inFlightBytes: 0,
  bytes: 0,
  tokens: 0,
  answers: {},
  credentials: [],
  staleSeconds: 0,
  connections: new Map([["main", { inFlight: 0, openCircuits: 0, waiting: 0, faulty: false }]]),
};
const exported = [...(await metrics.scrape(inventory)).matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name, type]) =>
  type === "histogram" ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name!],
);
/** Of kube-state-metrics. */
const foreign = ["kube_daemonset_status_number_unavailable"];

const expressions: [string, string][] = [
  ...rules.map(({ alert, expr }): [string, string] => [`alert ${alert}`, expr]),
  ...dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }): [string, string] => [`panel "${title}"`, expr]),
  ),
];

test.each(expressions)("%s asks for metrics that there are", (_, expr) => {
  const named = [...expr.matchAll(/\b((?:keymount|process|nodejs|kube)_\w+)/g)].map(([, name]) => name!);
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => ![...exported, ...foreign].includes(name))).toEqual([]);
});

const ofEveryProcess = expressions.filter(([, expr]) => /\b(process|nodejs)_/.test(expr));

test.each(ofEveryProcess)("%s leaves out what other processes of the cluster say of themselves", (_, expr) => {
  expect(expr).toMatch(/and on \((cluster, )?instance, job\) keymount_build_info/);
});

const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

test.each(queries)('panel "$title" shows the clusters and nodes that are chosen: $expr', ({ expr }) => {
  expect(expr).toContain('{cluster=~"$cluster",instance=~"$instance"');
});

test("the dashboard's variables are the data source, the cluster and the node; its first row has the state of now", () => {
  expect(dashboard.templating.list.map(({ label }) => label)).toEqual(["Data source", "Cluster", "Node"]);
  const [row, ...others] = dashboard.panels;
  expect(row).toMatchObject({ type: "row", title: "Now" });
  expect(others.findIndex(({ type }) => type !== "stat")).toBe(6);
});

test("every metric of ours has a panel or an alert", () => {
  const own = exported.filter((name) => name.startsWith("keymount_") && !/_(count|sum)$/.test(name));
  const asked = [...expressions.map(([, expr]) => expr), JSON.stringify(dashboard)].join("\n");
  const notShown = ["keymount_events_total"];
  expect(own.filter((name) => !asked.includes(name) && !notShown.includes(name))).toEqual([]);
});

test.each(rules)(
  "alert $alert leads to a part of the runbook that is there",
  ({ annotations: { summary, runbook } }) => {
    const [file, anchor] = runbook.split("#");
    const headings = [...at(file!).matchAll(/^## (.+)$/gm)].map(([, title]) =>
      title!.toLowerCase().replaceAll(" ", "-"),
    );
    expect(headings).toContain(anchor);
    expect(summary).not.toBe("");
  },
);

const alertRows = [...at("docs/runbook.md").matchAll(/^\| `(Keymount\w+)` \| (.+) \| (.+) \|$/gm)].map(
  ([, alert = "", command = "", explained = ""]) => ({ alert, command, explained }),
);

test("docs/runbook.md has a row for each alert, in their order, and for no others", () => {
  expect(alertRows.map(({ alert }) => alert)).toEqual(rules.map(({ alert }) => alert));
});

test.each(alertRows)("the runbook's row of $alert has one command, and leads where the alert does", (row) => {
  const { runbook } = rules.find(({ alert }) => alert === row.alert)!.annotations;
  const [file, anchor] = runbook.split("#");
  expect(row.command).toMatch(/^`(kubectl|logline) [^`]+`$/);
  expect(file).toBe("docs/runbook.md");
  // Where the alert leads to the table itself, the row is the explanation.
  if (anchor !== "alerts") expect(row.explained).toContain(`(#${anchor})`);
  expect(row.explained).toMatch(/\]\([\w.]*#[\w-]+\)|^here: /);
});

test("docs/metrics.md says of each alert why one wants it, and of no others", () => {
  const told = [...at("docs/metrics.md").matchAll(/^\| `(Keymount\w+)` \|/gm)].map(([, alert]) => alert);
  expect(told).toEqual(rules.map(({ alert }) => alert));
});

test("each panel of the dashboard has an id of its own", () => {
  const ids = dashboard.panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});
