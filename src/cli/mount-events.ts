import { isDeepStrictEqual } from "node:util";
import type { StaleObject } from "../driver/driver-client.js";
import { type FileChange, fileChanges } from "./mounted-files.js";
import type { Mounted, Published } from "./publish-volume.js";

/** What a later mount changes for a volume. */
export type MountEvent =
  | FileChange
  | { event: "refused"; code: string; message: string }
  | { event: "answered" }
  | { event: "stale"; stale: readonly StaleObject[] }
  | { event: "fresh" };

/** In the order they are told. `before` is the mount before `after`; `mounted` the last that was not refused, whose files stay. */
export function mountEvents(mounted: Mounted, before: Published, after: Published): MountEvent[] {
  if (!after.ok) {
    const { code, message } = after;
    const known = !before.ok && before.code === code && before.message === message;
    return known ? [] : [{ event: "refused", code, message }];
  }
  const { files, stale } = after;
  return [
    ...(before.ok ? [] : [{ event: "answered" } as const]),
    ...fileChanges(mounted.files, files),
    ...(isDeepStrictEqual(stale, mounted.stale) ? [] : [staleEvent(stale)]),
  ];
}

function staleEvent(stale: readonly StaleObject[]): MountEvent {
  return stale.length > 0 ? { event: "stale", stale } : { event: "fresh" };
}
