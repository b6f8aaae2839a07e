import { expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { mountFields } from "./mount-fields.js";

test("what is served stale is named as far as it fits a line of the log", () => {
  const stale = Array.from({ length: 100 }, (_, index) => ({
    objectName: `${index}/${"a".repeat(4_000)}`,
    error: new ProviderError("unavailable", `${index}: ${"why ".repeat(200)}`),
  }));
  const fields = mountFields({ volume: { files: 0, stale, bytes: 0, unchanged: true } });
  expect(fields).toMatchObject({ files: 0, unchanged: true });
  expect(JSON.stringify(fields).length).toBeLessThan(8_000);
});
