import type { Job, Renderer } from "../../src/mount/ports.js";
import { contentsOf, taskOf } from "../../src/render/jobs.js";
import { runTask } from "../../src/render/run-task.js";

/** Does what the renderer's process does, in this one. */
export const inProcessRenderer: Renderer = {
  render: (job: Job) => Promise.resolve().then(() => contentsOf(job, runTask(taskOf(job)))),
};
