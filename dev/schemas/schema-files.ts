import { readFileSync } from "node:fs";
import { type Schema, configurationSchema, withoutRequired } from "./configuration-schema.js";

const deploy = new URL("../../deploy/", import.meta.url);

/** The schemas that are made of the code, and what each file must hold: for editors, and for helm. */
export function schemaFiles(): { file: URL; content: string }[] {
  const configuration = configurationSchema();
  const chart = new URL("chart/values.schema.json", deploy);
  const values = JSON.parse(readFileSync(chart, "utf8")) as { properties: Schema };
  values.properties["config"] = withoutRequired(configuration);
  return [
    { file: new URL("keymount.schema.json", deploy), content: text(configuration) },
    { file: chart, content: text(values) },
  ];
}

function text(schema: object): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}
