import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { readProcessTable, type RunningProcess } from "./process-table.js";
import { signalProcesses, topmost } from "./signal-processes.js";

/** pid, parent, the kernel's name, the first argument's base name. */
type Row = [number, number, string, string?];

const table = (rows: readonly Row[]): RunningProcess[] =>
  rows.map(([pid, parent, comm, program = comm]) => ({ pid, parent, uid: 101, comm, program }));

const pause: Row = [1, 0, "pause"];

test.each<[string, string, Row[], number[]]>([
  [
    "nginx's master, and not its workers",
    "nginx",
    [pause, [7, 0, "nginx", "nginx: master process nginx"], [8, 7, "nginx"], [9, 7, "nginx"]],
    [7],
  ],
  ["the topmost below a shell", "nginx", [pause, [7, 0, "sh"], [8, 7, "nginx"], [9, 8, "nginx"]], [8]],
  [
    "no grandchild",
    "httpd",
    [
      [7, 0, "httpd"],
      [8, 7, "rotatelogs"],
      [9, 8, "httpd"],
    ],
    [7],
  ],
  [
    "one of each container",
    "app",
    [
      [7, 0, "app"],
      [20, 0, "app"],
    ],
    [7, 20],
  ],
  ["a program whose main thread has another name", "node", [[7, 0, "MainThread", "node"]], [7]],
  ["a program that wrote over its arguments", "postgres", [[7, 0, "postgres", "postgres: checkpointer"]], [7]],
  ["a name of more than 15 bytes", "prometheus-config-reloader", [[7, 0, "prometheus-conf", "x"]], [7]],
  ["no part of a name", "ngin", [[7, 0, "nginx"]], []],
  [
    "nothing where a parent's chain is a circle",
    "a",
    [
      [7, 8, "b"],
      [8, 7, "b"],
    ],
    [],
  ],
  [
    "itself where the chain is a circle",
    "a",
    [
      [7, 8, "a"],
      [8, 8, "b"],
    ],
    [7],
  ],
])("finds %s", (_what, name, rows, expected) => {
  expect(topmost(name, table(rows)).map(({ pid }) => pid)).toEqual(expected);
});

const failing = (code: string) => () => {
  throw Object.assign(new Error(), { code });
};

function send(rows: readonly Row[], { kill = (): void => undefined, pid = 30 } = {}) {
  const sent: string[] = [];
  const ports = {
    processes: async () => table(rows),
    kill: (to: number, signal: string) => (kill(), sent.push(`${signal} ${to}`)),
    self: { pid, uid: 65532 },
  };
  return signalProcesses({ signal: "SIGHUP", program: "app" }, ports).then(
    (done) => ({ done, sent }),
    (error: Error) => ({ done: error.message, sent }),
  );
}

test.each<[string, Row[], Parameters<typeof send>[1], string, string[]]>([
  ["the process", [[7, 0, "app"]], {}, "SIGHUP sent to app (process 7)", ["SIGHUP 7"]],
  [
    "several",
    [
      [7, 0, "app"],
      [9, 0, "app"],
    ],
    {},
    "SIGHUP sent to app (processes 7, 9)",
    ["SIGHUP 7", "SIGHUP 9"],
  ],
  [
    "never itself",
    [
      [30, 0, "app"],
      [9, 0, "app"],
    ],
    {},
    "SIGHUP sent to app (process 9)",
    ["SIGHUP 9"],
  ],
  ["none", [[9, 0, "other"]], {}, "no process is called app", []],
  [
    "none, as process 1",
    [[1, 0, "app"]],
    { pid: 1 },
    "no process is called app; this container sees its own processes alone: set shareProcessNamespace: true in the pod",
    [],
  ],
  ["one that has just ended", [[7, 0, "app"]], { kill: failing("ESRCH") }, "SIGHUP sent to app (process 7)", []],
  [
    "one of another user",
    [[7, 0, "app"]],
    { kill: failing("EPERM") },
    "process 7 (app) may not be signalled: it runs as user 101, and keymount as 65532; set runAsUser: 101 in this container's securityContext, or run it as user 0 with the capability KILL",
    [],
  ],
])("signals %s", async (_what, rows, options, done, sent) => {
  expect(await send(rows, options)).toEqual({ done, sent });
});

test("the table of processes is read without zombies, threads of the kernel, and what has ended", async () => {
  const proc = await temporaryDirectory();
  const status = (name: string, state: string, parent: number, uid: number) =>
    `Name:\t${name}\nUmask:\t0022\nState:\t${state}\nPid:\t1\nPPid:\t${parent}\nUid:\t${uid}\t0\t0\t0\n`;
  const processes: Record<string, [string, string]> = {
    10: [status("nginx", "S (sleeping)", 0, 101), "nginx: master process\0"],
    9: [status("MainThread", "R (running)", 10, 0), "/usr/local/bin/node\0--flag\0/app.js\0"],
    11: [status("dead", "Z (zombie)", 1, 0), "dead\0"],
    12: [status("kthreadd", "S (sleeping)", 0, 0), ""],
    13: [status("a:b", "S (sleeping)", 0, 7), `/${"x/".repeat(10_000)}`],
  };
  for (const [pid, [state, line]] of Object.entries(processes)) {
    await mkdir(join(proc, pid));
    await writeFile(join(proc, pid, "status"), state);
    await writeFile(join(proc, pid, "cmdline"), line);
  }
  await mkdir(join(proc, "14"));
  await mkdir(join(proc, "self"));
  expect(await readProcessTable(proc)).toEqual([
    { pid: 9, parent: 10, uid: 0, comm: "MainThread", program: "node" },
    { pid: 10, parent: 0, uid: 101, comm: "nginx", program: "nginx: master process" },
    { pid: 13, parent: 0, uid: 7, comm: "a:b", program: "x" },
  ]);
});

test("the real table has this very process", async () => {
  const own = (await readProcessTable()).find(({ pid }) => pid === process.pid);
  expect(own).toMatchObject({ parent: process.ppid, uid: process.getuid!() });
});
