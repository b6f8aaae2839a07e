import { type Act, actAtChanges } from "../notify/act-at-changes.js";
import { readProcessTable } from "../notify/process-table.js";
import { startProgram } from "../notify/program.js";
import { requestReload } from "../notify/reload-request.js";
import { withRetries } from "../notify/with-retries.js";
import { runCommand } from "../notify/run-command.js";
import { signalProcesses } from "../notify/signal-processes.js";
import { supervise } from "../notify/supervise.js";
import { SupervisedProgram } from "../notify/supervised-program.js";
import { VolumeChanges } from "../notify/volume-changes.js";
import { volumeFiles } from "../notify/volume-files.js";
import { systemClock } from "../shared/clock.js";
import { commandTable } from "./command-table.js";
import { defineCommand } from "./define-command.js";
import { type NotifyAction, notifyArguments, type RunAction } from "./notify-arguments.js";

const clock = systemClock;

interface Means {
  timeoutMs: number;
  tell: (text: string) => void;
}

export const notifyCommand = defineCommand("notify", commandTable.notify, async (given, io, signal) => {
  const options = notifyArguments(given);
  const { task, timeoutMs } = options;
  const tell = (text: string) => void io.stderr.write(`keymount notify: ${text}\n`);
  const changes = new VolumeChanges(options, { files: volumeFiles, clock, tell });
  const means = { timeoutMs, tell };
  try {
    if ("act" in task) {
      await actAtChanges(actOf(task.act, means), { changes, tell }, signal);
      return 0;
    }
    await changes.present(signal);
    const program = new SupervisedProgram(() => startProgram(task.run), { clock, stopMs: timeoutMs });
    const takeSignals = (to: (name: NodeJS.Signals) => void) => io.takeSignals?.(to) ?? (() => undefined);
    return await supervise(program, actOn(program, task.atChange, means), { changes, tell, takeSignals }, signal);
  } catch (error) {
    if (signal.aborted) return 0;
    throw error;
  } finally {
    changes.close();
  }
});

function actOf(action: NotifyAction, { timeoutMs, tell }: Means): Act {
  switch (action.kind) {
    case "signal": {
      const self = { pid: process.pid, uid: process.getuid!() };
      const ports = { processes: readProcessTable, kill: process.kill.bind(process), self };
      return (_, signal) => withRetries(() => signalProcesses(action, ports), { clock, tell }, signal);
    }
    case "http": {
      const request = { ...action, timeoutMs };
      return (_, signal) => withRetries(() => requestReload(request, clock, signal), { clock, tell }, signal);
    }
    case "exec": {
      const run = { command: action.command, timeoutMs };
      return (volumes, signal) => runCommand(run, volumes, { start: startProgram, clock }, signal);
    }
  }
}

function actOn(program: SupervisedProgram, action: RunAction, means: Means): Act {
  switch (action.kind) {
    case "http":
      return actOf(action, means);
    case "signal":
      return async () => {
        program.signal(action.signal);
        return `${action.signal} sent to the command`;
      };
    case "restart":
      return async () => {
        await program.restart();
        return "the command was restarted";
      };
  }
}
