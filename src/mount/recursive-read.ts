import type { RecursiveRead, VaultRequest } from "./mount-spec.js";
import type { ObjectReader } from "./object-reader.js";

/** Fields that are about one secret. */
const ofOneSecret = ["secretKey", "version"] as const;

/**
 * `secretPath: secret/data/shop/` with `objectName: app/`: every secret below a path. `asked` is the path as a read; a slash at
 * its end means nothing to an object that is one file, as to the Go provider.
 */
export function recursiveReadOf(object: ObjectReader, asked: VaultRequest): RecursiveRead | undefined {
  const [written = ""] = object.text("secretPath").split("?");
  if (!written.endsWith("/") || asked.method !== "GET" || asked.path === "") return undefined;
  if (!object.text("objectName").endsWith("/")) {
    object.warning(
      "secretPath",
      "ends with a slash, which means nothing to one file; where every secret below it is meant, objectName ends with a slash, too",
    );
    return undefined;
  }
  for (const field of ofOneSecret) {
    if (object.has(field))
      object.error(field, "is for one secret; secretPath ends with a slash, which reads every secret below it");
  }
  if (asked.query !== "" && !object.has("version"))
    object.error(
      "secretPath",
      "has a query, which is for one secret; leave out the query, or the slash at the path's end",
    );
  return { path: inKv2(asked.path, "data") };
}

/** What lists a folder below the path of a recursive read; `folder` is empty, or ends with a slash. */
export function listOf({ path }: RecursiveRead, folder = ""): VaultRequest {
  return { method: "LIST", path: `${inKv2(path, "metadata")}/${folder}`.slice(0, -1), query: "" };
}

/**
 * A path of KV v2, which has its secrets below `data` after the mount's name and lists them below `metadata`; other paths, as
 * those of KV v1, as they are.
 */
function inKv2(path: string, step: "data" | "metadata"): string {
  const steps = path.split("/");
  const at = steps.findIndex((one, index) => index > 0 && (one === "data" || one === "metadata"));
  return at < 0 ? path : steps.with(at, step).join("/");
}
