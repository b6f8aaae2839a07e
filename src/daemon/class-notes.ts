import type { Connection } from "../config/connection.js";
import { LruCache } from "../shared/lru-cache.js";
import type { MountSpec } from "../mount/mount-spec.js";
import { logKeys } from "../telemetry/log-keys.js";
import type { Log } from "../telemetry/log.js";

/** Classes that are remembered to have been told of. */
const mostReported = 4_096;

/** Names in a line of the log, and characters of each. */
const [mostNames, longestName] = [20, 200];

/** Tells the log once a class what in it means nothing here; a class is known by what it says. */
export class ClassNotes {
  readonly #reported = new LruCache<true>(mostReported);
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  note({ pod, className, class: read, parametersDigest }: MountSpec, connection: Connection): void {
    if (read.overruled.length + read.unknown.length === 0 || this.#reported.get(parametersDigest)) return;
    this.#reported.set(parametersDigest, true, 1);
    const whose = {
      [logKeys.namespace]: pod.namespace,
      [logKeys.className]: className,
      [logKeys.connection]: connection.name,
    };
    if (read.overruled.length > 0) {
      this.#log.warn(
        { ...whose, [logKeys.names]: shown(read.overruled) },
        "class parameters ignored: the connection's settings apply",
      );
    }
    if (read.unknown.length > 0) {
      this.#log.warn(
        { ...whose, [logKeys.names]: shown(read.unknown) },
        "unknown class parameters; see keymount check",
      );
    }
  }
}

/** Names that a stranger wrote, as far as they fit a line of the log. */
function shown(names: readonly string[]): string[] {
  const texts = names
    .slice(0, mostNames)
    .map((name) => (name.length > longestName ? `${name.slice(0, longestName)}…` : name));
  return names.length > mostNames ? [...texts, `and ${names.length - mostNames} more`] : texts;
}
