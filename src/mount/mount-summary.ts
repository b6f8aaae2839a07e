import type { Connection } from "../config/connection.js";
import type { MountSpec } from "./mount-spec.js";
import type { MountedVolume } from "./mount-volume.js";

/** What a Mount knows of itself, as far as it has come; nothing of it is secret, and no file is kept by it. */
export interface MountSummary {
  /** Who asks whom, once the request could be read. */
  request?: RequestedMount;
  /** What it came to. */
  volume?: VolumeSummary;
}

export interface RequestedMount {
  pod: MountSpec["pod"];
  className?: string | undefined;
  connection: string;
  role: string;
}

export type VolumeSummary = Pick<MountedVolume, "stale" | "bytes" | "unchanged"> & {
  /** How many. */
  files: number;
};

export function summaryOfRequest({ pod, className, class: spec }: MountSpec, { name }: Connection): RequestedMount {
  return { pod, className, connection: name, role: spec.roleName };
}

export function summaryOfVolume({ files, stale, bytes, unchanged }: MountedVolume): VolumeSummary {
  return { files: files.length, stale, bytes, unchanged };
}
