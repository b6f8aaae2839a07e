// Prints "N passed, N failed", summed over the reports of the runners: vitest's JSON, or a text whose last line says so.
// Throws when one is missing or holds no test.
import { readFileSync } from "node:fs";

const counts = process.argv.slice(2).map((path) => {
  const text = readFileSync(path, "utf8");
  const count = path.endsWith(".json") ? countVitest(JSON.parse(text)) : countText(text);
  if (!(count.passed + count.failed > 0)) throw new Error(`${path} reports no tests`);
  return count;
});
const sum = (what) => counts.reduce((total, count) => total + count[what], 0);
console.log(`${sum("passed")} passed, ${sum("failed")} failed`);
process.exitCode = sum("failed") > 0 ? 1 : 0;

/** A file that could not even be read as tests has none that failed, and counts as one. */
function countVitest({ numPassedTests, numFailedTests, testResults }) {
  const failed = (test) => test.status === "failed";
  const broken = testResults.filter((file) => failed(file) && !file.assertionResults.some(failed));
  return { passed: numPassedTests, failed: numFailedTests + broken.length };
}

function countText(text) {
  const last = /^(\d+) passed, (\d+) failed$/.exec(text.trimEnd().split("\n").at(-1) ?? "");
  if (!last) throw new Error("the report does not end with its count");
  return { passed: Number(last[1]), failed: Number(last[2]) };
}
