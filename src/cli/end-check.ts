import type { Finding } from "../mount/findings.js";
import type { VaultRequest } from "../mount/mount-spec.js";
import { ObjectReader } from "../mount/object-reader.js";
import { requestsOf } from "../mount/object-requests.js";
import { member } from "./class-file.js";
import type { WrittenObject } from "./written-object.js";

/** Steps of paths whose answers tell their end, or have a lease. */
const tellsEnd =
  "creds sts issue sign sign-verbatim sign-intermediate token tokens create secret-id mintjwt mintcert check-out generate";
/** Steps of paths whose answers do not end: a computation's result, a write. */
const endless =
  "encrypt decrypt rewrap hmac hash random datakey verify derive-key encode decode data metadata undelete destroy " +
  "delete patch unwrap lookup code";
const known = new Set(`${tellsEnd} ${endless}`.split(" "));

/** Warns of objects whose secret is issued by a write, where its end may be unknown. */
export function checkEnds(objects: readonly WrittenObject[]): Finding[] {
  return objects.flatMap(({ object, map, index }): Finding[] => {
    const doubted = object.lifetimeMs === undefined ? requestsOf(object).find(mayEndUnseen) : undefined;
    if (!doubted) return [];
    return [
      {
        level: "warning",
        parameter: "objects",
        offset: member(map, "method")?.value.offset ?? map.offset,
        text: `${ObjectReader.nameOf(map, index)}: what ${doubted.path} issues (method: ${doubted.method}) is replaced before its end if the answer tells it, and kept if not; write lifetime: 30m, if it ends after so long`,
      },
    ];
  });
}

/** Whether the request issues something, of which its path does not tell whether the answer will name an end. */
function mayEndUnseen({ method, path }: VaultRequest): boolean {
  return (method === "POST" || method === "PUT") && !path.split("/").some((step) => known.has(step));
}
