import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { problems, steps } from "./problems.js";

const doc = readFileSync(new URL("../../docs/doctor.md", import.meta.url), "utf8");

/** Cells of the rows of a section's table, without its head. */
function tableOf(section: string): string[][] {
  const text = doc.split(`\n## ${section}\n`)[1]!.split("\n## ")[0]!;
  const rows = [...text.matchAll(/^\| (.+) \|$/gm)].map(([, row]) => row!.split(" | "));
  return rows.filter(([first]) => first!.startsWith("`"));
}

describe("docs/doctor.md", () => {
  test("has every step, in order", () => {
    expect(tableOf("Steps").map(([step]) => step)).toEqual(steps.map((step) => `\`${step}\``));
  });

  test("has every problem, who can fix it, and how", () => {
    const documented = tableOf("Problems").map(([name, meaning, who, fix]) => {
      expect(meaning, name).not.toBe("");
      return [name, who, fix];
    });
    expect(documented).toEqual(Object.entries(problems).map(([name, { who, fix }]) => [`\`${name}\``, who, fix]));
  });

  test("has problems in the order of the steps", () => {
    const inOrder = [...new Set(Object.keys(problems).map((name) => name.split(".")[0]))];
    expect(inOrder).toEqual(steps.filter((step) => inOrder.includes(step)));
  });

  test("calls it as the image has it", () => {
    const image = readFileSync(new URL("../../Dockerfile", import.meta.url), "utf8");
    expect(image).toContain("COPY --from=build /keymount/bin/ /usr/local/bin/");
    const called = [...doc.matchAll(/-- (.+) doctor/g)].map(([, command]) => command);
    expect(called).toEqual(["keymount", "keymount"]);
  });
});
