import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Inventory } from "./inventory.js";
import { Metrics } from "./metrics.js";

const holdings: Inventory = {
  volumes: 3,
  bytes: 2_048,
  inFlightBytes: 1_024,
  tokens: 2,
  answers: { static: 4, leased: 1, issued: 0 },
  credentials: [{ connection: "main", engine: "token", standing: "due" }],
  staleSeconds: 7.5,
  connections: new Map([["main", { inFlight: 1, openCircuits: 2, waiting: 5, faulty: true }]]),
};

/** Metrics of which each has been used once. */
function usedMetrics(): Metrics {
  const metrics = new Metrics("1.2.3");
  metrics.mounted("changed", 0.02);
  metrics.vaultRequest("main", "read", "ok", 0.004);
  metrics.login("main", "ok");
  metrics.tokenRevoked("main", true);
  metrics.renewal("main", "database", "ok");
  metrics.credentialMade("main", "database", "new");
  metrics.orphaned("main", "token");
  metrics.stateRecord("restored");
  metrics.worked("template", "ok", 0.004);
  metrics.workerEnded("memory");
  metrics.staleServed("main", "unavailable");
  metrics.offlineServed("main", "unavailable");
  metrics.limitReached("inFlightBytes");
  metrics.failedOver("main");
  metrics.tlsFilesRejected("main");
  metrics.event("written");
  metrics.uncaughtException();
  return metrics;
}

const scraped = async (metrics: Metrics) =>
  (await metrics.scrape(holdings)).split("\n").filter((line) => line.startsWith("keymount_"));

test("says what stands at the moment of the scrape", async () => {
  const lines = await scraped(usedMetrics());
  for (const line of [
    "keymount_volumes 3",
    "keymount_cache_bytes 2048",
    "keymount_tokens 2",
    'keymount_cached_secrets{kind="static"} 4',
    'keymount_cached_secrets{kind="issued"} 0',
    "keymount_stale_seconds 7.5",
    'keymount_vault_waiting{connection="main"} 5',
    'keymount_connection_faulty{connection="main"} 1',
    'keymount_build_info{version="1.2.3"} 1',
  ]) {
    expect(lines).toContain(line);
  }
});

test.each([
  ["changed", "changed"],
  ["unchanged", "unchanged"],
  ["stale", "stale"],
  ["not_found", "failed"],
  ["internal", "failed"],
])("a Mount that came to %s is counted by it, and timed as %s", async (outcome, timed) => {
  const metrics = new Metrics("1.2.3");
  metrics.mounted(outcome, 0.02);
  const lines = await scraped(metrics);
  expect(lines).toContain(`keymount_mounts_total{outcome="${outcome}"} 1`);
  expect(lines).toContain(`keymount_mount_duration_seconds_count{outcome="${timed}"} 1`);
  expect(lines).toContain(`keymount_mount_duration_seconds_bucket{le="0.01",outcome="${timed}"} 0`);
  expect(lines).toContain(`keymount_mount_duration_seconds_bucket{le="0.025",outcome="${timed}"} 1`);
});

test.each([
  ["ok", 1],
  ["denied", 1],
  ["missing", 1],
  ["quota", 1],
  ["outage", 0],
  ["sealed", 0],
  ["configuration", 0],
  ["protocol", 1],
  ["engine", 1],
])("a Vault whose last answer was %s is up: %i", async (outcome, up) => {
  const metrics = new Metrics("1.2.3");
  metrics.vaultRequest("main", "read", outcome, 0.004);
  expect(await scraped(metrics)).toContain(`keymount_vault_up{connection="main"} ${up}`);
});

test("a request that was given up says nothing of Vault, nor of its speed", async () => {
  const metrics = new Metrics("1.2.3");
  metrics.vaultRequest("main", "read", "outage", 1);
  metrics.vaultRequest("main", "read", "cancelled", 5);
  const lines = await scraped(metrics);
  expect(lines).toContain('keymount_vault_up{connection="main"} 0');
  expect(lines).toContain('keymount_vault_request_duration_seconds_count{connection="main",kind="read"} 1');
  expect(lines).toContain('keymount_vault_requests_total{connection="main",kind="read",outcome="cancelled"} 1');
});

test("docs/metrics.md tells each metric's name, type and labels, and of no others", async () => {
  const text = await usedMetrics().scrape(holdings);
  const page = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
  const told = [...page.matchAll(/^\| `(keymount_\w+)` \| (\w+) \| ([^|]*?) ?\|/gm)].map(
    ([, name, type, labels]) => `${name} ${type} ${labels!.replaceAll("`", "")}`,
  );
  const real = [...text.matchAll(/^# TYPE (keymount_\w+) (\w+)$/gm)].map(
    ([, name, type]) => `${name} ${type} ${labelsOf(text, name!).join(", ")}`,
  );
  expect(told.sort()).toEqual(real.sort());
});

test("two providers in one process count by themselves", async () => {
  usedMetrics();
  const lines = await scraped(new Metrics("1.2.3"));
  expect(lines.filter((line) => line.startsWith("keymount_mounts_total"))).toEqual([]);
});

/** The label names a metric's samples carry, `le` left out. */
function labelsOf(text: string, name: string): string[] {
  const samples = [...text.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?(?:\\{(.*?)\\})? `, "gm"))];
  const labels = samples.flatMap(([, inside = ""]) => [...inside.matchAll(/(\w+)="/g)].map(([, label]) => label!));
  return [...new Set(labels)].filter((label) => label !== "le").sort();
}
