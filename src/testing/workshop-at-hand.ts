import type { Job, Renderer } from "../mount/ports.js";
import { contentsOf, orderOf } from "../workshop/jobs.js";
import { workOrder } from "../workshop/work-order.js";

/** Does what the workshop's process does, in this one. */
export const workshopAtHand: Renderer = {
  render: (job: Job) => Promise.resolve().then(() => contentsOf(job, workOrder(orderOf(job)))),
};
