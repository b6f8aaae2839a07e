// Prints "N passed, N failed" over vitest's JSON reports. Throws when one is missing or holds no test.
import { readFileSync } from "node:fs";

let passed = 0;
let failed = 0;
for (const path of process.argv.slice(2)) {
  const { numPassedTests, numFailedTests, numTotalTests, testResults } = JSON.parse(readFileSync(path, "utf8"));
  // A file that could not be read as tests has none that failed.
  const unread = testResults.filter(
    ({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  );
  if (!(numTotalTests > 0)) throw new Error(`${path} reports no tests`);
  passed += numPassedTests;
  failed += numFailedTests + unread.length;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
