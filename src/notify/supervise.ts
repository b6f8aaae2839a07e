import { ProviderError } from "../shared/errors.js";
import { joinSignals } from "../shared/join-signals.js";
import { type Act, actAtChanges } from "./act-at-changes.js";
import { NotStarted } from "./program.js";
import type { SupervisedProgram } from "./supervised-program.js";
import type { VolumeChanges } from "./volume-changes.js";

interface Ports {
  changes: VolumeChanges;
  tell: (text: string) => void;
  /** Signals of the system go to `to` until released. */
  takeSignals: (to: (name: NodeJS.Signals) => void) => () => void;
}

/**
 * Stands before a program: hands signals on to it, acts at changes while it runs, and gives its exit code. The program does not
 * end because its volumes can no longer be watched.
 */
export async function supervise(
  program: SupervisedProgram,
  act: Act,
  { changes, tell, takeSignals }: Ports,
  signal: AbortSignal,
): Promise<number> {
  const running = joinSignals(signal);
  const release = takeSignals((name) => program.signal(name));
  const stop = () => program.signal("SIGTERM");
  signal.addEventListener("abort", stop);
  const watched = actAtChanges(act, { changes, tell }, running.signal).catch((error: Error) => {
    tell(`${error.message}; changes are noticed no longer`);
  });
  try {
    return await program.ended;
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error;
    tell(error.message);
    return error.exitCode;
  } finally {
    running.abort(new ProviderError("cancelled", "the program has ended"));
    await watched;
    running.release();
    signal.removeEventListener("abort", stop);
    release();
  }
}
