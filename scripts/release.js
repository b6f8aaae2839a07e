// For the release workflow: `node scripts/release.js check v1.2.3` ends with 1 where the tag is not the version that the
// repository names everywhere; `node scripts/release.js notes v1.2.3` prints the changelog of that version.
import { readFileSync } from "node:fs";

const [act, tag = ""] = process.argv.slice(2);
const version = tag.replace(/^v/, "");
const text = (path) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

const chart = (key) => new RegExp(`^${key}: (\\S+)$`, "m").exec(text("deploy/chart/Chart.yaml"))?.[1];
const named = {
  "package.json": JSON.parse(text("package.json")).version,
  "deploy/chart/Chart.yaml, version": chart("version"),
  "deploy/chart/Chart.yaml, appVersion": chart("appVersion"),
};

/** The part of CHANGELOG.md of the version, with its heading. */
const changes = text("CHANGELOG.md")
  .split(/^## /m)
  .slice(1)
  .find((part) => part.split(/\s/, 1)[0] === version);

const mistakes = Object.entries(named)
  .filter(([, value]) => value !== version)
  .map(([where, value]) => `${where} says ${value}, the tag ${version}`);
if (changes === undefined) mistakes.push(`CHANGELOG.md has no part "## ${version}"`);
else if (changes.startsWith(`${version} (unreleased)`)) mistakes.push(`CHANGELOG.md calls ${version} unreleased`);

if (act === "notes") process.stdout.write(`${changes?.slice(changes.indexOf("\n")).trim() ?? ""}\n`);
for (const mistake of mistakes) process.stderr.write(`${mistake}\n`);
process.exitCode = mistakes.length > 0 ? 1 : 0;
