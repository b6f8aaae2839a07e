import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type DoctorStage, doctorOn } from "../../src/cli/doctor.js";
import type { Report } from "../../src/doctor/check-runner.js";
import { systemClock } from "../../src/shared/clock.js";
import { workerFile } from "./built-worker.js";
import { temporaryDirectory } from "./rpc-server.js";

export interface DoctorRun {
  /** What `-f`, `--token-file` and `--config` read, by name. */
  files?: Readonly<Record<string, string>>;
  stage?: Partial<DoctorStage>;
  signal?: AbortSignal;
}

export interface DoctorSaid {
  code: number;
  stdout: string;
  stderr: string;
}

/** `keymount doctor` where nothing but what a test gives is found: no sockets, no cluster, no environment. */
export async function callDoctor(
  argv: readonly string[],
  { files = {}, stage = {}, signal = new AbortController().signal }: DoctorRun = {},
): Promise<DoctorSaid> {
  const said = { stdout: "", stderr: "" };
  const missing = () => Object.assign(new Error("no such file"), { code: "ENOENT" });
  const read = (path: string) => {
    if (files[path] === undefined) throw missing();
    return files[path];
  };
  const usual: DoctorStage = {
    clock: systemClock,
    lookup: async () => ["127.0.0.1"],
    driverDirectories: ["/nowhere/etc", "/nowhere/var"],
    serviceAccountDirectory: "/nowhere",
    workerFile,
    env: {},
    execArgv: [],
    readFile: read,
    firstProcess: () => "",
    tokenSource: async () => undefined,
  };
  const io = {
    program: "keymount",
    stdout: { write: (text: string) => (said.stdout += text) },
    stderr: { write: (text: string) => (said.stderr += text) },
    readFile: async (path: string) => read(path),
  };
  const code = await doctorOn({ ...usual, ...stage }).run(argv, io, signal);
  return { code, ...said };
}

/** The steps that `--json` prints. */
export async function doctorsReports(argv: readonly string[], login?: DoctorRun): Promise<Report[]> {
  return (JSON.parse((await callDoctor(["--json", ...argv], login)).stdout) as { steps: Report[] }).steps;
}

/** Files in a directory that ends with the test; gives their paths. */
export async function filesOnDisk(texts: Readonly<Record<string, string>>): Promise<(name: string) => string> {
  const directory = await temporaryDirectory();
  for (const [name, text] of Object.entries(texts)) await writeFile(join(directory, name), text);
  return (name) => join(directory, name);
}
