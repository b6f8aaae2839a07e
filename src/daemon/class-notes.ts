import type { Connection } from "../config/connection.js";
import type { ClassSpec, MountSpec } from "../mount/mount-spec.js";
import { logKeys } from "../telemetry/log-keys.js";
import type { Log } from "../telemetry/log.js";

/** Tells the log once a class what in it means nothing here. Classes are known by the object they were read into. */
export class ClassNotes {
  readonly #told = new WeakSet<ClassSpec>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  note({ pod, className, class: read }: MountSpec, connection: Connection): void {
    if (this.#told.has(read)) return;
    this.#told.add(read);
    const whose = {
      [logKeys.namespace]: pod.namespace,
      [logKeys.className]: className,
      [logKeys.connection]: connection.name,
    };
    if (read.overruled.length > 0) {
      this.#log.warn(
        { ...whose, [logKeys.names]: read.overruled },
        "the operator's settings are used instead of the class's",
      );
    }
    if (read.unknown.length > 0) {
      this.#log.warn(
        { ...whose, [logKeys.names]: read.unknown },
        "the class says what nobody knows; keymount check finds such",
      );
    }
  }
}
