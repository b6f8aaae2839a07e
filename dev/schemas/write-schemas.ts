import { writeFileSync } from "node:fs";
import { schemaFiles } from "./schema-files.js";

// `npm run schemas`: deploy/keymount.schema.json, and the part of the chart's values.schema.json that is the configuration file.
for (const { file, content } of schemaFiles()) writeFileSync(file, content);
