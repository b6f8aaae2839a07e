import type { Job, Workshop } from "../mount/ports.js";
import { ProviderError } from "../shared/errors.js";
import { workOrder } from "../workshop/work-order.js";

/** Does what the workshop's process does, in this one. */
export const workshopAtHand: Workshop = {
  async make(job: Job) {
    const order =
      job.kind === "template"
        ? { ...job, data: job.data.reveal() }
        : { ...job, key: job.key?.reveal(), password: job.password.reveal() };
    const delivery = workOrder(order as Parameters<typeof workOrder>[0]);
    if (!delivery.ok) throw new ProviderError(delivery.code, `the ${job.kind} ${delivery.message}`);
    return Buffer.from(delivery.contents);
  },
};
