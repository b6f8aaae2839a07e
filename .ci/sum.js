// Prints what failed, and "N passed, N failed" on the last line, summed over the reports of the runners, in vitest's JSON
// format or one like it. Throws when one is missing or holds no test.
import { readFileSync } from "node:fs";

const counts = process.argv.slice(2).map((path) => {
  const report = JSON.parse(readFileSync(path, "utf8"));
  for (const line of failuresOf(report)) console.log(line);
  const count = countOf(report);
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

function failuresOf({ testResults }) {
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const failures = assertionResults.filter(({ status }) => status === "failed");
    if (failures.length === 0 && message) return [`✗ ${name}: ${message.slice(0, 1_000)}`];
    return failures.map(
      ({ fullName, title, failureMessages = [] }) =>
        `✗ ${name}: ${fullName ?? title}\n${failureMessages.join("\n").slice(0, 1_000)}`,
    );
  });
}
