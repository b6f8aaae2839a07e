import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const script = fileURLToPath(new URL("release.js", import.meta.url));
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

test("package.json, the chart and the changelog name one version", () => {
  const { stderr } = spawnSync(process.execPath, [script, "check", `v${version}`], { encoding: "utf8" });
  expect(["", `CHANGELOG.md calls ${version} unreleased\n`]).toContain(stderr);
});

test("a tag of another version is no release, and each place that names another is told", () => {
  const { status, stderr } = spawnSync(process.execPath, [script, "check", "v99.0.0"], { encoding: "utf8" });
  expect(status).toBe(1);
  for (const place of ["package.json", "Chart.yaml, version", "Chart.yaml, appVersion", 'no part "## 99.0.0"'])
    expect(stderr).toContain(place);
});

test("the notes are the changelog's part of that version alone", () => {
  const notes = spawnSync(process.execPath, [script, "notes", `v${version}`], { encoding: "utf8" }).stdout;
  expect(notes.length).toBeGreaterThan(100);
  expect(notes).not.toMatch(/^## /m);
});
