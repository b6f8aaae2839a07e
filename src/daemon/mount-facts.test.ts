import { expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { volumeFacts } from "./mount-facts.js";

test("what is held is named as far as it fits a line of the log", () => {
  const held = Array.from({ length: 100 }, (_, index) => ({
    objectName: `${index}/${"a".repeat(4_000)}`,
    error: new ProviderError("unavailable", `${index}: ${"why ".repeat(200)}`),
  }));
  const facts = volumeFacts({ files: [], versions: [], held, bytes: 0, unchanged: true });
  expect(facts).toMatchObject({ files: 0, unchanged: true });
  expect(JSON.stringify(facts).length).toBeLessThan(8_000);
});
