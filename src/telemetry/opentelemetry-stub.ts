/**
 * Stands in for @opentelemetry/api in the bundle: prom-client requires it to put the trace that is under way into the
 * exemplars of process_cpu_*, and keymount makes neither traces nor exemplars (prom-client 15 lib/metrics/processCpuTotal.js).
 */
export const context = { active: () => undefined };
export const trace = { getSpan: () => undefined };
