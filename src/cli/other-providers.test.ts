import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { otherProviders } from "./other-providers.js";

test("docs/parameters.md names all providers whose classes are skipped", () => {
  const page = readFileSync(new URL("../../docs/parameters.md", import.meta.url), "utf8");
  expect(page).toContain(`${[...otherProviders].map((name) => `\`${name}\``).join(", ")}. Any other name`);
});

test("none is a name that keymount takes over from an older provider", () => {
  expect([...otherProviders].filter((name) => ["vault", "openbao"].includes(name))).toEqual([]);
});
