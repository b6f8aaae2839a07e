import { lookup } from "node:dns/promises";
import { KubeClient } from "../kube/kube-client.js";
import { serviceAccountDirectory } from "../kube/service-account.js";
import { type Clock, systemClock } from "../shared/clock.js";
import { RenderWorker } from "../render/render-worker.js";
import type { DoctorInput } from "./input.js";
import type { Lookup } from "./dns-step.js";
import { type Report, CheckRunner } from "./check-runner.js";
import { driverDirectories } from "./socket-step.js";
import { runChecks } from "./run-checks.js";

/** The world as doctor sees it. */
export interface Surroundings {
  clock: Clock;
  lookup: Lookup;
  driverDirectories: readonly string[];
  /** Where a container finds its own service account. */
  serviceAccountDirectory: string;
  /** The code of the process that makes templates and keystores. */
  workerFile: URL;
}

export const realSurroundings: Omit<Surroundings, "workerFile"> = {
  clock: systemClock,
  lookup: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
  driverDirectories,
  serviceAccountDirectory,
};

/**
 * Walks the whole way, each step for at most `stepMs`, and tells of each as soon as it and those before it are done.
 * Rejects with the signal's reason only.
 */
export async function examine(
  input: DoctorInput,
  { clock, lookup, driverDirectories, serviceAccountDirectory: directory, workerFile }: Surroundings,
  { stepMs, report }: { stepMs: number; report: (report: Report) => void },
  signal: AbortSignal,
): Promise<void> {
  const api = "mistakes" in input.options ? undefined : input.options.kubernetesApi;
  const kube = api && new KubeClient({ api, directory, clock });
  const renderer = new RenderWorker({ worker: workerFile, clock, emit: () => {} });
  try {
    const runner = new CheckRunner({ clock, stepMs, report }, signal);
    await runChecks(input, { clock, lookup, driverDirectories, kube, renderer, random: Math.random }, runner);
  } finally {
    kube?.close();
    await renderer.close();
  }
}
