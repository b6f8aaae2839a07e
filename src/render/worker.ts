import { writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import type { Task } from "./tasks.js";
import { runTask } from "./run-task.js";

// The worker's process: one task after another, until it is ended from outside, or the process that gives tasks is gone.
process.on("message", (task: Task) => void process.send!(runTask(task)));
process.once("disconnect", () => process.exit());
// Ctrl-C in a terminal reaches it as well; its parent ends it.
process.on("SIGINT", () => undefined);
// Left to itself Node opens an inspector at it, through which all memory can be read; only newer ones have a flag for that.
process.on("SIGUSR1", () => undefined);

/** When the node is short of time or memory, it is this process's files that wait, or this process that goes. */
function comeLast(): void {
  try {
    setPriority(10);
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch {
    // Not Linux, or forbidden: then it is a process like others.
  }
}

comeLast();
process.send!("ready");
