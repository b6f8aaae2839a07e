import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import type { Report } from "../../../src/doctor/check-runner.js";
import { eventually } from "../../stack/eventually.js";
import { providerContainer } from "../stack/provider-container.js";
import { createFixture } from "../stack/fixture.js";

const { cluster, app, signal } = await createFixture("doctor");

/** As `kubectl exec` runs it, in an image without a shell. Of a process that ends at once, ctr may lose what it wrote. */
async function doctorInside(args: readonly string[] = [], input = ""): Promise<Report[]> {
  const exec = ["tasks", "exec", "--exec-id", randomUUID(), (await providerContainer(cluster, app.kube)).id];
  const doctor = ["keymount", "doctor", "--json", ...args];
  const address = [`--address=${cluster.containerd}`, "--namespace=k8s.io"];
  const running = promisify(execFile)("ctr", [...address, ...exec, ...doctor]);
  running.child.stdin?.end(input);
  return (JSON.parse((await running).stdout) as { steps: Report[] }).steps;
}

test("in keymount's container, without a flag, doctor sees what serve was started with", async () => {
  const reports = await eventually(() => doctorInside(), signal);

  const of = (step: string) => reports.filter((report) => report.step === step);
  expect(of("configuration")).toMatchObject([
    { result: "passed", facts: expect.arrayContaining(["flags of the keymount serve that runs here"]) as string[] },
  ]);
  expect(of("socket").map(({ result }) => result)).toContain("passed");
  for (const step of ["dns", "tcp", "tls", "vault", "auth"]) expect(of(step)).toMatchObject([{ result: "passed" }]);
  expect(reports.filter(({ result }) => result === "broken")).toEqual([]);
});

test("an application's class and token come in by the one standard input there is", async () => {
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "canary-hunter2" });
  const objects = [{ objectName: "password", secretPath: `secret/data/${app.namespace}/db`, secretKey: "password" }];
  const asked = {
    kind: "SecretProviderClass",
    metadata: { name: await app.createClass({ objects }), namespace: app.namespace },
  };
  const written = await app.kube.get({ apiVersion: "secrets-store.csi.x-k8s.io/v1", ...asked });
  const account = { namespace: app.namespace, name: app.serviceAccount };
  const request = { kind: "TokenRequest", status: await app.kube.token(account, { audience: "vault" }) };

  const input = `${stringify(written)}---\n${stringify(request)}`;
  const reports = await eventually(() => doctorInside(["-f", "-"], input), signal);

  expect(reports.filter(({ result }) => result === "broken")).toEqual([]);
  for (const step of ["policy", "role", "token", "login", "object", "logout"]) {
    expect(reports.filter((report) => report.step === step)).toMatchObject([{ result: "passed" }]);
  }
  expect(JSON.stringify(reports)).not.toContain("canary");
});
