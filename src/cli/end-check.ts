import type { Finding } from "../mount/findings.js";
import type { ObjectSpec, VaultRequest } from "../mount/mount-spec.js";
import { ObjectReader } from "../mount/object-reader.js";
import { requestsOf } from "../mount/object-requests.js";
import { objectEntries } from "../mount/objects.js";

/** Steps of paths whose answers tell their end, or have a lease. */
const tellsEnd =
  "creds sts issue sign sign-verbatim sign-intermediate token tokens create secret-id mintjwt mintcert check-out generate";
/** Steps of paths whose answers do not end: a computation's result, a write. */
const endless =
  "encrypt decrypt rewrap hmac hash random datakey verify derive-key encode decode data metadata undelete destroy " +
  "delete patch unwrap lookup code";
const known = new Set(`${tellsEnd} ${endless}`.split(" "));

/** Warns of objects whose secret is issued by a write, where its end may be unknown; `text` is the `objects` parameter. */
export function checkEnds(text: string, objects: readonly ObjectSpec[]): Finding[] {
  const entries = objectEntries(text);
  return objects.flatMap((object, position): Finding[] => {
    const doubted = object.lifetimeMs === undefined ? requestsOf(object).find(mayEndUnseen) : undefined;
    if (!doubted) return [];
    const { map, index } = entries[position]!;
    const written = map.entries.find(({ key }) => key === "method");
    return [
      {
        level: "warning",
        parameter: "objects",
        offset: written?.value.offset ?? map.offset,
        text: `${ObjectReader.nameOf(map, index)}: what ${doubted.path} issues (method: ${doubted.method}) is replaced before its end if the answer tells it, and kept if not; write lifetime: 30m, if it ends after so long`,
      },
    ];
  });
}

/** Whether the request issues something, of which its path does not tell whether the answer will name an end. */
function mayEndUnseen({ method, path }: VaultRequest): boolean {
  return (method === "POST" || method === "PUT") && !path.split("/").some((step) => known.has(step));
}
