import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Binaries, KubernetesVersion } from "./stack/programs.js";

/** OCI archives, each with the full name of its image in it. */
export interface Images {
  /** The image as users get it. */
  readonly keymount: string;
  /** A shell and the usual commands, for the workloads. */
  readonly busybox: string;
  readonly pause: string;
  /** Half a gigabyte: only the test that needs it imports it. */
  readonly vault: string;
}

/** What main.ts made where the network is, for the tests, which have none but their own. */
export interface Prepared {
  readonly kubernetes: KubernetesVersion;
  readonly binaries: Binaries;
  /** Node for another processor than this machine may have (stack/arm64.ts). */
  readonly arm64Node: string;
  /** Not there when only files are run that need no images. */
  readonly images?: Images;
  /** The run's own folder, short because the sockets below it must fit in 107 bytes. main.ts removes it. */
  readonly directory: string;
  /** Where every program of the run writes; kept when a test fails. */
  readonly logs: string;
  /** Name of the run's own group in every cgroup hierarchy. main.ts removes it. */
  readonly cgroup: string;
}

const variable = "KEYMOUNT_E2E_PREPARED";

/** The environment by which a run's tests find what was prepared for them. */
export const preparedAt = (directory: string) => ({ [variable]: preparedFile(directory) });

export const preparedFile = (directory: string) => join(directory, "prepared.json");

export function readPrepared(): Prepared {
  const file = process.env[variable];
  if (!file) throw new Error("the tests of e2e are run by `npm run e2e`, which prepares what they need");
  return JSON.parse(readFileSync(file, "utf8")) as Prepared;
}
