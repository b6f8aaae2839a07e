import type { Connection } from "../config/connection.js";
import type { MountSpec } from "../mount/mount-spec.js";
import type { MountedVolume } from "../mount/mount-volume.js";
import type { CallFacts } from "../rpc/unary.js";
import { logKeys } from "../telemetry/log-keys.js";

/** Objects in a line of the log; characters of the name of each, and of why. */
const [mostHeld, longestName, longestReason] = [20, 200, 2_000];

/** What the log's line of a Mount says of who asks. */
export function mountFacts({ pod, className, class: asked }: MountSpec, connection: Connection): CallFacts {
  return {
    [logKeys.namespace]: pod.namespace,
    [logKeys.pod]: pod.name,
    [logKeys.podUid]: pod.uid,
    [logKeys.serviceAccount]: pod.serviceAccount,
    ...(className !== undefined && { [logKeys.className]: className }),
    [logKeys.connection]: connection.name,
    [logKeys.role]: asked.roleName,
  };
}

/** And of what it came to. */
export function volumeFacts({ files, bytes, held, unchanged }: MountedVolume): CallFacts {
  return {
    [logKeys.files]: files.length,
    [logKeys.bytes]: bytes,
    ...(held.length > 0 && {
      [logKeys.held]: held.slice(0, mostHeld).map(({ objectName }) => cut(objectName, longestName)),
      [logKeys.reason]: cut([...new Set(held.map(({ error }) => error.message))].join("; "), longestReason),
    }),
    [logKeys.unchanged]: unchanged,
  };
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
