import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { expect, test } from "vitest";
import { setUpPki } from "../../stack/engines.js";
import { eventually } from "../../stack/eventually.js";
import { createLeaseFixture } from "../stack/lease-fixture.js";
import { nodeProgram } from "../stack/node-program.js";

const lifeSeconds = 120;
const { app, workloads, signal, pki, role } = await createLeaseFixture("tls", "together", { ttl: "1h", maxTtl: "24h" });

test("a TLS server reloads its certificate, and a client that trusts the root alone is served across replacements", async () => {
  const root = await setUpPki(app.vault, pki);
  const issue = {
    secretPath: `${pki}/issue/web`,
    method: "PUT",
    secretArgs: { common_name: "web.shop.test", ttl: `${lifeSeconds}s` },
    format: "pem-bundle",
  };
  const objects = [
    { objectName: "tls.crt", secretKey: "certificate", ...issue },
    { objectName: "tls.key", secretKey: "private_key", ...issue },
    { objectName: "chain.pem", secretKey: "ca_chain", ...issue },
  ];
  const secretProviderClass = await app.createClass({ roleName: role, objects });
  const program = await nodeProgram(app, "tls-server", "/mnt/secrets");
  const pod = await workloads.runPod({ volumes: { secrets: { secretProviderClass } }, program }, signal);
  const shown = new Map<string, number>();
  await eventually(async () => shown.set(await handshake(pod.ip, root), performance.now()), signal);

  const began = performance.now();
  let handshakes = 0;
  for (; shown.size < 4; handshakes += 1) {
    expect(performance.now() - began, "three replacements in time").toBeLessThan(4 * lifeSeconds * 1000);
    const serial = await handshake(pod.ip, root);
    if (!shown.has(serial)) shown.set(serial, performance.now());
    await sleep(200);
  }
  const [, first = 0, second = 0, third = 0] = [...shown.values()];
  for (const life of [second - first, third - second]) {
    // At two thirds of its life, and up to 25 s later: the kubelet's rhythm and the driver's.
    expect(life / 1000).toBeGreaterThan((2 / 3) * lifeSeconds - 26);
    expect(life / 1000).toBeLessThan((2 / 3) * lifeSeconds + 30);
  }
  console.log(`${handshakes} handshakes, ${shown.size} certificates`);
}, 600_000);

/** Gives the serial number of the certificate that the server shows. */
function handshake(host: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: 8443, ca, servername: "web.shop.test" }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}
