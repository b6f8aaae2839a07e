import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Results, plots, rowOf, tables } from "./report.js";
import { type Fleet, type Minute, type Scenario, minute, scenarios, simulate } from "./scenarios.js";

/** `npm run fleet`: simulates the fleets of docs/sizing.md, and writes its figures, plots and tables. */
const [argument] = process.argv.slice(2);
if (argument !== undefined) {
  console.error(
    "Usage: npm run fleet (it takes no options, about four minutes, and writes docs/sizing.md, its plots and fleet/results.json)",
  );
  process.exit(argument === "--help" ? 0 : 2);
}

const workload = { podsPerNode: 40, objects: 10, leased: 0.25 };
const fleets: Fleet[] = [
  { nodes: 200, ...workload, refreshIntervalMs: 2 * minute, inFlight: 16 },
  { nodes: 1_000, ...workload, refreshIntervalMs: 5 * minute, inFlight: 16 },
  { nodes: 5_000, ...workload, refreshIntervalMs: 15 * minute, inFlight: 4 },
];
const largest = fleets.at(-1)!;
const [few, many] = [5, 10];
const seed = 1;
const marks = { from: "<!-- npm run fleet -->\n", to: "<!-- end -->" };

const results: Results = { rows: [], series: {} as Record<Scenario, Minute[]>, samples: [] };
for (const fleet of fleets) {
  for (const scenario of scenarios) {
    const startedAt = performance.now();
    const minutes = await simulate(scenario, fleet, { nodes: fleet === largest ? many : few, seed });
    results.rows.push(rowOf(fleet, scenario, minutes));
    if (fleet === largest) results.series[scenario] = minutes;
    console.log(`${fleet.nodes} nodes, ${scenario}: ${Math.round((performance.now() - startedAt) / 1000)} s`);
  }
}
results.samples.push(
  sampleOf(
    few,
    await simulate("steady", largest, { nodes: few, seed: 2 }),
    await simulate("reboot", largest, { nodes: few, seed: 2 }),
  ),
  sampleOf(many, results.series.steady, results.series.reboot),
);

const root = join(import.meta.dirname, "..");
const page = join(root, "docs/sizing.md");
const text = await readFile(page, "utf8");
const head = text.slice(0, text.indexOf(marks.from) + marks.from.length);
const tail = text.slice(text.indexOf(marks.to));
await writeFile(join(root, "fleet/results.json"), `${JSON.stringify(results)}\n`);
await writeFile(page, `${head}\n${tables(results)}\n\n${tail}`);
await mkdir(join(root, "docs/sizing"), { recursive: true });
for (const [name, svg] of Object.entries(plots(results))) await writeFile(join(root, "docs/sizing", name), svg);

function sampleOf(nodes: number, steady: readonly Minute[], reboot: readonly Minute[]) {
  const sum = (minutes: readonly Minute[], kind: "read" | "login") =>
    minutes.reduce((all, { [kind]: n }) => all + n, 0);
  return { nodes, reads: Math.round(sum(steady, "read") / steady.length / 60), logins: sum(reboot, "login") };
}
