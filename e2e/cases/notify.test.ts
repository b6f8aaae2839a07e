import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { serveHttp } from "../../dev/testing/http-server.js";
import { eventually } from "../stack/eventually.js";
import { createFixture } from "../stack/fixture.js";

const bundle = join(import.meta.dirname, "../../dist/keymount.js");
const { node, app, signal } = await createFixture("notify", { driver: "1.6.0", rotationPollInterval: "1s" });

/** A program of the test, and what it has written. */
function run(command: string, args: readonly string[], argv0 = command) {
  const child: ChildProcess = spawn(command, args, { argv0, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (piece: Buffer) => (said += piece.toString()));
  const count = (text: string) => said.split(text).length - 1;
  return { child, said: () => said, count };
}

const notify = (...args: string[]) => run(process.execPath, [bundle, "notify", ...args]);

test("each change of a volume reaches a program once: as a signal, a request, a command; republishes without a change reach none", async () => {
  const write = (password: string) => app.vault.writeSecret(`${app.namespace}/db`, { password });
  await write("1");
  const objects = ["user", "password"].map((objectName) => ({
    objectName,
    secretPath: `secret/data/${app.namespace}/db`,
    secretKey: "password",
    refreshInterval: "1s",
  }));
  const volume = await app.volume(node, { objects });
  await volume.publish(signal);

  const requests: string[] = [];
  const server = await serveHttp((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.end();
  });
  onTestFinished(() => server.close());

  const program = run("sh", ["-c", "trap 'echo reloaded' HUP; while :; do sleep 0.05; done"], "notified");
  const signals = notify(volume.folder, "--signal", "HUP", "--process", "notified");
  const http = notify(volume.folder, "--http", `${server.origin}/-/reload`);
  const exec = notify(
    volume.folder,
    "--exec",
    "--",
    "sh",
    "-c",
    `cat ${volume.folder}/user ${volume.folder}/password; echo " ."`,
  );
  const all = [signals, http, exec];
  await eventually(async () => expect(all.map((one) => one.count("is watched"))).toEqual([1, 1, 1]), signal);

  for (const version of [2, 3]) {
    await write(`${version}`);
    await eventually(async () => {
      await volume.publish(signal);
      expect(await volume.texts()).toEqual({ user: `${version}`, password: `${version}` });
    }, signal);
    await eventually(
      async () => expect(all.map((one) => one.count("changed: "))).toEqual(Array(3).fill(version - 1)),
      signal,
    );
  }
  // Republishes that read the same again.
  for (let again = 0; again < 3; again += 1) {
    await sleep(1_100, undefined, { signal });
    await volume.publish(signal);
  }

  expect(program.count("reloaded")).toBe(2);
  expect(requests).toEqual(["POST /-/reload", "POST /-/reload"]);
  expect(exec.said().match(/^\d+ \.$/gm)).toEqual(["22 .", "33 ."]);
  const ended = all.map(({ child }) => once(child, "exit"));
  for (const { child } of all) child.kill("SIGTERM");
  expect(await Promise.all(ended)).toEqual(Array(3).fill([0, null]));
});
