import { operatorFile, wordsForIssue } from "./configuration-file.js";
import type { Given } from "./options.js";
import { connectionsOf, type Data, defaultName } from "./overlay.js";
import type { Path } from "./yaml-source.js";

/** What the schema makes of data; `undefined` with every setting that is wrong by itself. A file without connections is right. */
export function validateData(data: Data): { given: Given | undefined; issues: { path: Path; message: string }[] } {
  const name = defaultName(data);
  const parsed = operatorFile.safeParse(data, { error: wordsForIssue });
  const issues = parsed.error?.issues.map(({ path, message }) => ({ path, message })) ?? [];
  const names = Object.keys(connectionsOf(data));
  if (names.length > 0 && !names.includes(name)) {
    const wrong =
      "default" in data
        ? "is not one of the connections"
        : "is missing; name the one that is meant by classes that name none";
    issues.push({ path: ["default"], message: `${wrong} (${names.join(", ")})` });
  }
  return { given: parsed.success && issues.length === 0 ? { ...parsed.data, default: name } : undefined, issues };
}
