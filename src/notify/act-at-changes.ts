import { ProviderError } from "../shared/errors.js";
import type { VolumeChanges } from "./volume-changes.js";

/** Does what is to be done at a change. Gives what was done, for the log; throws a ProviderError for a person to read. */
export type Act = (volumes: readonly string[], signal: AbortSignal) => Promise<string>;

/** Acts at each change until the signal aborts. A failed act is told, and ends nothing: the next one may succeed. */
export async function actAtChanges(
  act: Act,
  { changes, tell }: { changes: VolumeChanges; tell: (text: string) => void },
  signal: AbortSignal,
): Promise<void> {
  try {
    for (;;) {
      const volumes = await changes.next(signal);
      const what = `${volumes.join(", ")} changed`;
      try {
        tell(`${what}: ${await act(volumes, signal)}`);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ProviderError)) throw error;
        tell(`${what}: ${error.message}; the next change is awaited`);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
