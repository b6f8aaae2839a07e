import { expect, onTestFinished, test } from "vitest";
import { sampleConnection } from "../../dev/testing/connection.js";
import { serveHttp } from "../../dev/testing/http-server.js";
import { startDevVault } from "../../dev/vault/dev-vault.js";
import { systemClock } from "../shared/clock.js";
import { askHealth } from "./node-health.js";

const health = async (origin: string) => {
  const { limits } = sampleConnection();
  return askHealth(
    { origin, material: { digest: "", options: { rejectUnauthorized: true } }, limits, clock: systemClock },
    AbortSignal.timeout(5_000),
  );
};

test.each([
  ["Vault 1.11", { version: "1.11.12", performance_standby: false }, "Vault"],
  ["Vault 1.21.1", { version: "1.21.1", performance_standby: false, enterprise: false }, "Vault"],
  ["Vault 2.0", { version: "2.0.0", performance_standby: false, enterprise: false }, "Vault"],
  ["Vault Enterprise 2.0", { version: "2.0.0+ent", performance_standby: false, enterprise: true }, "Vault"],
  ["OpenBao 2.5, which tells of performance standbys", { version: "2.5.0", performance_standby: false }, "OpenBao"],
  ["OpenBao 2.6.2", { version: "2.6.2" }, "OpenBao"],
  ["a server that hides its version", {}, "Vault"],
])("%s is known by its health", async (_, fields, product) => {
  const server = await serveHttp((_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ initialized: true, sealed: false, standby: false, ...fields }));
  });
  onTestFinished(() => server.close());
  expect(await health(server.origin)).toMatchObject({ product });
});

test.each([["vault", "Vault"] as const, ["openbao", "OpenBao"] as const])(
  "the embedded %s is %s",
  async (product, name) => {
    const vault = await startDevVault({ product });
    onTestFinished(() => vault.stop());
    expect(await health(vault.address)).toMatchObject({ product: name });
  },
);
