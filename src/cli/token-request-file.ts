import { ownFileBounds, readYaml } from "../mount/yaml-tree.js";
import { member, textOf } from "./class-file.js";

/** The token of a TokenRequest among a file's documents, as `kubectl create token -o yaml` prints it. */
export function tokenInFile(text: string): string | undefined {
  const requests = readYaml(text, ownFileBounds)
    .map(({ root }) => root)
    .filter((root) => textOf(member(root, "kind")?.value) === "TokenRequest");
  return requests.map((root) => textOf(member(member(root, "status")?.value, "token")?.value)).find(Boolean);
}
