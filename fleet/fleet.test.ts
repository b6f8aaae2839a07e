import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { peers } from "./peers.js";
import { plot } from "./plot.js";
import { type Results, busyIn, plots, tables } from "./report.js";
import { type Fleet, minute, simulate } from "./scenarios.js";

const small: Fleet = {
  nodes: 1,
  podsPerNode: 16,
  objects: 3,
  leased: 0.25,
  refreshIntervalMs: 5 * minute,
  inFlight: 16,
};
const sample = { nodes: 1, seed: 1 };

describe("a small fleet, every node of it simulated", () => {
  test("in an ordinary hour logs in no pod, renews at two thirds and reads each volume by its interval", async () => {
    const minutes = await simulate("steady", small, sample);
    const sum = (kind: "login" | "renewal" | "read") => minutes.reduce((all, { [kind]: n }) => all + n, 0);
    expect(sum("login")).toBe(0);
    // 16 tokens and 4 leases of an hour, in 40 minutes.
    expect(sum("renewal")).toBeGreaterThan(14);
    expect(sum("renewal")).toBeLessThan(28);
    // 48 secrets, read by a republish after 4.5 to 5 minutes and up to one and a half more.
    expect(sum("read")).toBeGreaterThan((48 * 40) / 6.5);
    expect(sum("read")).toBeLessThan((48 * 40) / 4.5);
    expect(minutes.at(-1)).toMatchObject({ tokens: 16, leases: 4, late: 0 });
  });

  test("that reboots logs in each pod once; the tokens it forgot are outstanding beside the new ones", async () => {
    const minutes = await simulate("reboot", small, sample);
    expect(minutes.reduce((all, { login }) => all + login, 0)).toBe(16);
    expect(Math.max(...minutes.map(({ tokens }) => tokens))).toBe(32);
  });

  test("whose nodes are drained revokes the tokens of the evicted pods", async () => {
    const minutes = await simulate("upgrade", small, sample);
    expect(minutes.reduce((all, { revocation }) => all + revocation, 0)).toBe(16);
    expect(minutes.at(-1)).toMatchObject({ tokens: 16, leases: 4 });
  });

  test("has its files when Vault is back after an hour, with one login for each pod", async () => {
    const minutes = await simulate("outage", small, sample);
    expect(minutes.reduce((all, { login }) => all + login, 0)).toBe(16);
    expect(minutes.at(-1)).toMatchObject({ tokens: 16, leases: 4 });
  });

  test("gives the same figures for the same seed", async () => {
    const brief = { ...small, podsPerNode: 4 };
    expect(await simulate("reboot", brief, sample)).toEqual(await simulate("reboot", brief, sample));
  });
});

test("thousands of nodes that reboot leave Vault idle time: no login is given up, and one in fifty is made twice at most", async () => {
  const crowd: Fleet = {
    ...small,
    nodes: 5_000,
    podsPerNode: 20,
    objects: 10,
    inFlight: 4,
    refreshIntervalMs: 60 * minute,
  };
  const minutes = await simulate("reboot", crowd, { nodes: 5, seed: 1 });
  const sum = (kind: "login" | "late") => minutes.reduce((all, { [kind]: n }) => all + n, 0);
  expect(Math.max(...minutes.map(busyIn))).toBeLessThan(0.95);
  expect(sum("late")).toBe(0);
  expect(sum("login")).toBeGreaterThanOrEqual(100_000);
  expect(sum("login")).toBeLessThanOrEqual(102_000);
});

test("10,000 volumes of ten secrets cost the Go provider 1,333 reads a second", () => {
  const load = peers({ ...small, nodes: 1_000, podsPerNode: 10, objects: 10, leased: 0 });
  expect(Math.round(load["Go provider"]!.reads)).toBe(1_333);
  expect(load["Agent in each pod"]!.renewals).toBeCloseTo(4.17, 2);
  expect(load["External Secrets"]!.logins).toBeCloseTo(0.28, 2);
});

test("a plot has a line for each series, its limit, and colours for light and dark pages", () => {
  const svg = plot(
    "Two lines",
    [
      { name: "a", values: [0, 10, 20] },
      { name: "b", values: [5, 5, 5] },
    ],
    -1,
    { name: "all", at: 40 },
  );
  expect(svg.match(/<polyline/g)).toHaveLength(2);
  expect(svg).toContain('points="64,260 384,209 704,158"');
  expect(svg).toContain("stroke-dasharray");
  expect(svg).toContain("prefers-color-scheme:dark");
});

describe("docs/sizing.md", async () => {
  const root = join(import.meta.dirname, "..");
  const results = JSON.parse(await readFile(join(root, "fleet/results.json"), "utf8")) as Results;

  test("has the tables of the figures", async () => {
    expect(await readFile(join(root, "docs/sizing.md"), "utf8")).toContain(tables(results));
  });

  test.each(Object.entries(plots(results)))("shows %s as the figures give it", async (name, svg) => {
    expect(await readFile(join(root, "docs/sizing", name), "utf8")).toBe(svg);
    expect(await readFile(join(root, "docs/sizing.md"), "utf8")).toContain(`(sizing/${name})`);
  });
});
