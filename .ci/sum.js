// Prints "N passed, N failed", summed over the reports of the runners, in vitest's JSON format or one like it.
// Throws when one is missing or holds no test.
import { readFileSync } from "node:fs";

const counts = process.argv.slice(2).map((path) => {
  const count = countOf(JSON.parse(readFileSync(path, "utf8")));
  if (!(count.passed + count.failed > 0)) throw new Error(`${path} reports no tests`);
  return count;
});
const sum = (what) => counts.reduce((total, count) => total + count[what], 0);
console.log(`${sum("passed")} passed, ${sum("failed")} failed`);
process.exitCode = sum("failed") > 0 ? 1 : 0;

/** A file that could not even be read as tests has none that failed, and counts as one. */
function countOf({ numPassedTests, numFailedTests, testResults }) {
  const failed = ({ status }) => status === "failed";
  const broken = testResults.filter((file) => failed(file) && !file.assertionResults.some(failed));
  return { passed: numPassedTests, failed: numFailedTests + broken.length };
}
