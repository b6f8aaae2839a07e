import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fileKeys } from "../../src/config/configuration-file.js";
import { type Schema, configurationSchema } from "./configuration-schema.js";
import { schemaFiles } from "./schema-files.js";

test.each(schemaFiles().map(({ file, content }) => [file.pathname.split("/").at(-1)!, file, content] as const))(
  "%s is as the code makes it (npm run schemas)",
  (_, file, content) => {
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(JSON.parse(content));
  },
);

test.each(fileKeys())("%s is in the schema, with its meaning, and its neighbours are all known", (key) => {
  let schema = configurationSchema();
  for (const step of key.split(".")) {
    const [form = schema] = (schema["anyOf"] ?? []) as Schema[];
    const { properties, additionalProperties } = form;
    if (step === "NAME") schema = additionalProperties as Schema;
    else {
      expect(additionalProperties).toBe(false);
      schema = (properties as Record<string, Schema>)[step]!;
    }
  }
  expect(schema["type"] ?? schema["anyOf"]).toBeDefined();
  expect(schema).toHaveProperty("description");
});
