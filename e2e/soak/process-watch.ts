import { readdirSync, readFileSync } from "node:fs";

export interface ProcessSample {
  /** Seconds since the soak began. */
  readonly at: number;
  readonly pid: number;
  /** Resident memory, and of that what is the process's own; MiB. */
  readonly rss: number;
  readonly own: number;
  /** Open file descriptors. */
  readonly handles: number;
}

/** What the kernel knows of a process (proc_pid_status(5)); nothing while it is being started. */
export function sampleProcess(pid: number, at: number): ProcessSample | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const mebibytes = (field: string) =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? NaN) / 1024;
    const handles = readdirSync(`/proc/${pid}/fd`).length;
    return { at, pid, rss: mebibytes("VmRSS"), own: mebibytes("RssAnon"), handles };
  } catch {
    return undefined;
  }
}
