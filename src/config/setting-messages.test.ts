import { describe, expect, test } from "vitest";
import { fileKeys } from "./configuration-file.js";
import { validateData } from "./validate-data.js";
import type { Path } from "./yaml-source.js";

/** What is never shown: a misplaced key or a password may be in it. */
const isHidden = (key: string) => /(^keyFile|^keySecret|\.(addresses|aliases|caFile|certFile|keyFile))$/.test(key);
const wrongValues = ["maybe not", "30 m", "/..//", "{{x}}", "a\nb", 1.5, -1, true, {}, [], [{}], ["/a/../"], null];

function dataWith(key: string, value: unknown): Record<string, unknown> {
  const data = { connections: { main: { addresses: ["https://vault:8200"] } } } as Record<string, unknown>;
  const steps = key.replace("NAME", "main").split(".");
  let parent = data;
  for (const step of steps.slice(0, -1)) parent = (parent[step] ??= {}) as Record<string, unknown>;
  parent[steps.at(-1)!] = value;
  return data;
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce((inner, step) => (inner as Record<PropertyKey, unknown>)[step], data);
}

/** How a message names what was found. */
function nameOf(found: unknown): string {
  if (typeof found === "string") return JSON.stringify(found);
  return typeof found === "object" ? (Array.isArray(found) ? "not a list" : "not a map") : JSON.stringify(found);
}

describe.each(fileKeys())("a wrong value of %s", (key) => {
  const issues = wrongValues.flatMap((value) => {
    const data = dataWith(key, value);
    return validateData(data).issues.map(({ path, message }) => ({ path, message, found: valueAt(data, path) }));
  });

  test("is refused", () => {
    expect(issues.length).toBeGreaterThan(0);
  });

  test.each(issues)("is named, with what to write instead: $message", ({ path, message, found }) => {
    expect(key.replace("NAME", "main")).toContain(path.filter((step) => typeof step === "string").join("."));
    if (isHidden(key) && typeof found === "string") expect(message).not.toContain(found);
    else if (!/^(is (empty|missing)|holds a line break|has no effect|has a \w+File but no)/.test(message))
      expect(message).toContain(nameOf(found));
    expect(message).toMatch(
      /must |needs |; (leave|give|name|write|keep)|there are \{\{|\(no empty step|has no effect without|is missing|holds a|not one of the/,
    );
  });
});
