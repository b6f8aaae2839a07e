import type { RequestedMount, MountSummary, VolumeSummary } from "../mount/mount-summary.js";
import { logKeys } from "../telemetry/log-keys.js";
import { type LogFields, podFields } from "./credential-fields.js";

/** Objects in a line of the log; characters of the name of each, and of why. */
const [mostStale, longestName, longestReason] = [20, 200, 2_000];

/** What the log's line of a Mount says of it, as far as it has come. */
export function mountFields({ request, volume }: MountSummary): LogFields {
  return { ...(request && requestFields(request)), ...(volume && volumeFields(volume)) };
}

function requestFields({ pod, className, connection, role }: RequestedMount): LogFields {
  return {
    ...podFields(pod),
    [logKeys.serviceAccount]: pod.serviceAccount,
    ...(className !== undefined && { [logKeys.className]: className }),
    [logKeys.connection]: connection,
    [logKeys.role]: role,
  };
}

function volumeFields({ files, bytes, stale, unchanged }: VolumeSummary): LogFields {
  const ages = stale.flatMap(({ copyAgeMs }) => copyAgeMs ?? []);
  return {
    [logKeys.files]: files,
    [logKeys.bytes]: bytes,
    ...(stale.length > 0 && {
      [logKeys.stale]: stale.slice(0, mostStale).map(({ objectName }) => cut(objectName, longestName)),
      ...(ages.length > 0 && { [logKeys.ageSeconds]: Math.round(Math.max(...ages) / 1000) }),
      [logKeys.reason]: cut([...new Set(stale.map(({ error }) => error.message))].join("; "), longestReason),
    }),
    [logKeys.unchanged]: unchanged,
  };
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
