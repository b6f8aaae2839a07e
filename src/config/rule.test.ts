import fc from "fast-check";
import { expect, test } from "vitest";
import { threadCpuMs } from "../../dev/testing/thread-cpu.js";
import { mistakeInRule, ruleMatches } from "./rule.js";

const pod = { namespace: "team-a", serviceAccount: "api" };

test.each([
  ["*", "", true],
  ["*", "a/b", true],
  ["", "", true],
  ["", "a", false],
  ["app", "app", true],
  ["app", "apps", false],
  ["app-*", "app-", true],
  ["app-*", "app", false],
  ["*-ro", "team-ro", true],
  ["a*a", "a", false],
  ["a*b*c", "a--b--c", true],
  ["a*b*c", "a--c--b", false],
  ["a*bc*c", "abc", false],
  ["kv/data/{{namespace}}/*", "kv/data/team-a/db/main", true],
  ["kv/data/{{ namespace }}/*", "kv/data/team-a/db", true],
  ["kv/data/{{namespace}}/*", "kv/data/team-ab/db", false],
  ["kv/data/{{namespace}}/*", "kv/data/team-a", false],
  ["{{namespace}}_{{serviceAccount}}", "team-a_api", true],
  ["a.b", "axb", false],
  ["[ab]", "a", false],
])("%j matches %j: %s", (rule, value, matches) => {
  expect(ruleMatches(rule, value, pod)).toBe(matches);
});

test("what a placeholder stands for is never a pattern", () => {
  expect(ruleMatches("kv/{{namespace}}/x", "kv/anything/x", { ...pod, namespace: "*" })).toBe(false);
  expect(ruleMatches("kv/{{namespace}}/x", "kv/*/x", { ...pod, namespace: "*" })).toBe(true);
  expect(ruleMatches("kv/{{namespace}}", "kv/api", { ...pod, namespace: "{{serviceAccount}}" })).toBe(false);
});

test.each(["", "a/b"])("a placeholder for %j matches nothing", (namespace) => {
  expect(ruleMatches("kv/{{namespace}}/*", `kv/${namespace}/x`, { ...pod, namespace })).toBe(false);
});

test("agrees with the regular expression that it spares us", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "*"), maxLength: 8 });
  fc.assert(
    fc.property(text, text, (rule, value) => {
      const pattern = rule.split("*").join(".*");
      expect(ruleMatches(rule, value, pod)).toBe(new RegExp(`^(?:${pattern})$`, "s").test(value));
    }),
  );
});

test("a rule that begins with a star matches every value that ends with one it matches", () => {
  const piece = fc.constantFrom("*", "a", "b", "/", "team-a", "{{namespace}}", "{{pod}}");
  const rule = fc.array(piece, { maxLength: 6 }).map((pieces) => `*${pieces.join("")}`);
  const value = fc.array(fc.constantFrom("a", "b", "/", "team-a"), { maxLength: 8 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(rule, value, value, (rule, before, end) => {
      fc.pre(ruleMatches(rule, end, pod));
      expect(ruleMatches(rule, before + end, pod)).toBe(true);
    }),
  );
});

test("a rule full of stars takes no longer for a value that almost matches", () => {
  const rule = `${"a*".repeat(200)}b`;
  const started = threadCpuMs();
  expect(ruleMatches(rule, "a".repeat(1024), pod)).toBe(false);
  expect(threadCpuMs() - started).toBeLessThan(100);
});

test.each([
  ["kv/{{namespace}}/*", undefined],
  ["kv/{{pod}}/*", "placeholder that is not known"],
  ["kv/{{namespace/*", "without"],
  ["kv/namespace}}/*", "without"],
  ["kv/{{}}", "placeholder that is not known"],
  ["kv/\n", "control character"],
])("the mistake in %j", (rule, mistake) => {
  const found = mistakeInRule(rule);
  if (mistake === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(mistake);
});
