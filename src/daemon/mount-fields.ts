import type { RequestedMount, MountSummary, VolumeSummary } from "../mount/mount-summary.js";
import { logKeys } from "../telemetry/log-keys.js";
import { type LogFields, podFields } from "./credential-fields.js";

/** Objects in a line of the log; characters of the name of each, and of why. */
const [mostHeld, longestName, longestReason] = [20, 200, 2_000];

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

function volumeFields({ files, bytes, held, unchanged }: VolumeSummary): LogFields {
  const ages = held.flatMap(({ copyAgeMs }) => copyAgeMs ?? []);
  return {
    [logKeys.files]: files,
    [logKeys.bytes]: bytes,
    ...(held.length > 0 && {
      [logKeys.stale]: held.slice(0, mostHeld).map(({ objectName }) => cut(objectName, longestName)),
      ...(ages.length > 0 && { [logKeys.ageSeconds]: Math.round(Math.max(...ages) / 1000) }),
      [logKeys.reason]: cut([...new Set(held.map(({ error }) => error.message))].join("; "), longestReason),
    }),
    [logKeys.unchanged]: unchanged,
  };
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
