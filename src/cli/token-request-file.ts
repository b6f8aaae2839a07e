import { readYaml } from "../mount/yaml-tree.js";
import { member, textOf } from "./class-file.js";

const bounds = { tokens: 5_000_000, values: 1_000_000, depth: 200 };

/** The token of a TokenRequest among a file's documents, as `kubectl create token -o yaml` prints it. */
export function tokenInFile(text: string): string | undefined {
  const requests = readYaml(text, bounds)
    .map(({ root }) => root)
    .filter((root) => textOf(member(root, "kind")?.value) === "TokenRequest");
  return requests.map((root) => textOf(member(member(root, "status")?.value, "token")?.value)).find(Boolean);
}
