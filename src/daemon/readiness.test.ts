import { expect, test } from "vitest";
import { startProvider } from "../../dev/testing/start-provider.js";
import { unreadinessOf } from "./readiness.js";

test.each([
  ["ready when its own socket answers", { rpc: { state: "listening" as const }, answers: true, faults: {} }, []],
  ["not before the socket stands", { rpc: { state: "starting" as const }, answers: true, faults: {} }, ["starting"]],
  [
    "not when another took the socket",
    { rpc: { state: "displaced" as const }, answers: true, faults: {} },
    ["socket: displaced"],
  ],
  [
    "not when the socket does not answer",
    { rpc: { state: "listening" as const }, answers: false, faults: {} },
    ["socket: does not answer Version"],
  ],
  [
    "not while every connection's settings are at fault",
    { rpc: { state: "listening" as const }, answers: true, faults: { main: "no such name", other: "TLS is refused" } },
    ["connection main: no such name", "connection other: TLS is refused"],
  ],
  [
    "ready for the pods of other connections while one's settings are at fault",
    { rpc: { state: "listening" as const }, answers: true, faults: { main: "no such name" } },
    [],
  ],
])("%s", async (_name, { rpc, answers, faults }, reasons) => {
  const client = { faults: () => new Map(Object.entries(faults)) };
  const callVersion = () => (answers ? Promise.resolve() : Promise.reject(new Error("no")));
  expect(await unreadinessOf({ rpc, client, connections: 2, callVersion })).toEqual(reasons);
});

test("a sealed Vault is no reason, a name that does not resolve is one", async () => {
  const sealed = await startProvider();
  sealed.vault.vault.node.status.sealed = true;
  await sealed.mount({ objects: "- {objectName: app, secretPath: kv/data/app}" });
  expect(await sealed.page("/readyz")).toMatchObject({ status: 200 });

  const nameless = await startProvider({ argv: ["--vault-addr=https://vault.invalid:8200"] });
  await expect.poll(async () => (await nameless.page("/readyz")).status, { timeout: 10_000 }).toBe(503);
  expect((await nameless.page("/readyz")).text).toMatch(/connection default: .*vault\.invalid/);
  expect(nameless.logText()).toMatch(
    /"level":"error".*vault\.invalid.*"msg":"the connection cannot work until its configuration or its files are fixed"/,
  );
});
