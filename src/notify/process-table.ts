import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface RunningProcess {
  pid: number;
  /** 0 where the parent is in another PID namespace. */
  parent: number;
  /** Real user id. */
  uid: number;
  /** What the kernel calls it: the program's base name or what it calls itself, at most 15 bytes. */
  comm: string;
  /** Base name of the first argument. */
  program: string;
}

/** Enough for a path; a program may have megabytes of arguments. */
const argumentBytes = 4_096;

/** What runs in this PID namespace (proc_pid_status(5), proc_pid_cmdline(5)), without zombies and threads of the kernel. */
export async function readProcessTable(proc = "/proc"): Promise<RunningProcess[]> {
  const processes: RunningProcess[] = [];
  for (const name of await readdir(proc)) {
    if (!/^\d{1,10}$/.test(name)) continue;
    const found = await readProcess(proc, name).catch(ended);
    if (found) processes.push(found);
  }
  return processes.sort((a, b) => a.pid - b.pid);
}

async function readProcess(proc: string, name: string): Promise<RunningProcess | undefined> {
  const status = new Map<string, string>();
  for (const line of (await readFile(join(proc, name, "status"), "utf8")).split("\n")) {
    const colon = line.indexOf(":");
    status.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const program = await firstArgument(join(proc, name, "cmdline"));
  if (program === undefined || status.get("State")?.startsWith("Z")) return undefined;
  return {
    pid: Number(name),
    parent: Number(status.get("PPid")),
    uid: Number.parseInt(status.get("Uid") ?? "", 10),
    comm: status.get("Name") ?? "",
    program: program.slice(program.lastIndexOf("/") + 1),
  };
}

async function firstArgument(file: string): Promise<string | undefined> {
  const opened = await open(file);
  try {
    const { buffer, bytesRead } = await opened.read(Buffer.alloc(argumentBytes), 0, argumentBytes);
    return bytesRead === 0 ? undefined : buffer.toString("utf8", 0, bytesRead).split("\0", 1)[0];
  } finally {
    await opened.close();
  }
}

/** Processes end while the table is read, and some (hidepid) may not be seen. */
function ended(error: NodeJS.ErrnoException): undefined {
  if (!["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(error.code ?? "")) throw error;
}
