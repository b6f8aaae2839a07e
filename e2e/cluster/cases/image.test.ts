import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { eventually } from "../../stack/eventually.js";
import { providerContainer } from "../stack/provider-container.js";
import { createFixture } from "../stack/fixture.js";

const { cluster, app, signal } = await createFixture("image");
const { id, pid } = await providerContainer(cluster, app.kube);
const cmdline = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").filter(Boolean);

test("Node is the container's first process, and takes the signals itself", async () => {
  expect(cmdline[0]).toBe("node");
  expect(await readFile(`/proc/${pid}/status`, "utf8")).toMatch(/^NSpid:\s+\d+\s+1$/m);
  const caught = /^SigCgt:\s+([0-9a-f]+)$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))![1]!;
  const sigterm = 1n << 14n;
  expect(BigInt(`0x${caught}`) & sigterm).toBe(sigterm);
});

test("a crash leaves no core dump: neither in a file nor with the node's crash handler", async () => {
  expect(await readFile(`/proc/${pid}/limits`, "utf8")).toMatch(/^Max core file size +1 +1 +bytes/m);
});

test.each(["sh", "bash", "busybox", "npm", "npx", "apt", "env"])("there is no %s in it", (program) => {
  const folders = ["bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin"];
  const paths = folders.map((folder) => join(`/proc/${pid}/root`, folder, program));
  expect(paths.filter((path) => existsSync(path))).toEqual([]);
});

/** As `kubectl exec` runs a program in the container. Of a process that ends at once, ctr may lose what it wrote. */
async function inside(...command: readonly string[]): Promise<string> {
  const ctr = [`--address=${cluster.containerd}`, "--namespace=k8s.io", "tasks", "exec", "--exec-id", randomUUID(), id];
  return (await promisify(execFile)("ctr", [...ctr, ...command])).stdout;
}

test("keymount is a command of it, without a shell or env", async () => {
  await eventually(async () => {
    expect(JSON.parse(await inside("keymount", "version", "--json"))).toEqual({
      version: expect.stringMatching(/^\d/) as string,
      node: expect.stringMatching(/^\d/) as string,
    });
    expect(JSON.parse(await inside("keymount", "leases", "-o", "json"))).toEqual({
      credentials: expect.any(Array) as unknown[],
    });
  }, signal);
});

test("the bundle's compiled code is good for the Node, the flags and the user that the pod has", async () => {
  const node = cmdline.slice(0, cmdline.indexOf("serve"));
  const script = `
    const { spawnSync } = require("node:child_process");
    const env = { ...process.env, NODE_DEBUG_NATIVE: "COMPILE_CACHE" };
    const { stdout, stderr } = spawnSync(process.execPath, ${JSON.stringify([...node.slice(1), "version"])}, { env });
    process.stdout.write(stdout + "" + stderr);`;
  await eventually(async () => {
    const stdout = await inside("node", "-e", script);
    expect(stdout).toMatch(/^keymount \d/m);
    expect(stdout).toMatch(/keymount\.js was accepted/);
  }, signal);
});
