import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { startVaultDev } from "../e2e/stack/vault-dev.js";
import { Administrator, type VaultAccess } from "../dev/vault/administrator.js";
import { makeIdentity } from "../dev/testing/certificates.js";
import { withDatabase } from "../dev/testing/with-database.js";
import { median } from "./figure.js";
import { processDirectory } from "../dev/testing/process-directory.js";
import { readsPerMount } from "./workload.js";

/** A Vault to measure against, in a process of its own. */
export interface BenchVault {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** The CA of its certificate; absent where plain HTTP is spoken. */
  readonly caFile?: string;
  /** Milliseconds of one read, as an idle client sees it. */
  readonly roundTripMs: number;
  stop(): Promise<void>;
}

export type VaultKind = "embedded 0 ms" | "embedded 5 ms" | "Vault 1.21.1";

/** With `, TLS`: the same Vault behind `tls-front.ts`. */
export type VaultName = VaultKind | `${VaultKind}, TLS`;

/** Starts it with a jwt auth mount that trusts `publicKeyPem`, and the secrets of the workload. */
export async function startVault(name: VaultName, publicKeyPem: string): Promise<BenchVault> {
  const kind = name.replace(", TLS", "") as VaultKind;
  const { access, stop } = kind === "Vault 1.21.1" ? await startReal() : await startEmbedded(kind);
  try {
    const administrator = new Administrator(access);
    await prepare(administrator, publicKeyPem);
    if (kind !== "Vault 1.21.1") await prepareEmbedded(administrator);
    const { address } = access;
    const roundTripMs = await roundTrip(administrator);
    const plain = { name, address, port: Number(new URL(address).port), roundTripMs, stop };
    return name === kind ? plain : await withTls(plain);
  } catch (error) {
    await stop();
    throw error;
  }
}

type Started = { access: VaultAccess; stop: () => Promise<void> };

async function startEmbedded(kind: VaultKind): Promise<Started> {
  const child = fork("scripts/run-ts.js", ["bench/embedded-vault.ts", /\d+/.exec(kind)![0]], {
    env: { PATH: process.env["PATH"] },
  });
  const ended = once(child, "exit");
  const [access] = (await once(child, "message")) as [VaultAccess];
  const stop = async () => {
    child.disconnect();
    await ended;
  };
  return { access, stop };
}

/** Behind TLS, with a certificate of its own. */
async function withTls(vault: BenchVault): Promise<BenchVault> {
  const { path: directory, remove } = await processDirectory(join(tmpdir(), "km-bench-tls-"));
  const { cert, key } = makeIdentity({ commonName: "vault", names: ["127.0.0.1"] });
  const [caFile, pemFile] = [join(directory, "ca.pem"), join(directory, "server.pem")];
  await writeFile(caFile, cert);
  await writeFile(pemFile, cert + key, { mode: 0o600 });
  const child = fork("scripts/run-ts.js", ["bench/tls-front.ts", String(vault.port), pemFile], {
    env: { PATH: process.env["PATH"] },
  });
  const ended = once(child, "exit");
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const stop = async () => {
    child.disconnect();
    await ended;
    await remove();
    await vault.stop();
  };
  return { ...vault, address: `https://127.0.0.1:${port}`, port, caFile, stop };
}

/** The binary that e2e builds; it is large, so the bench does not build it for itself. */
export function realVaultBinary(): string | undefined {
  const cache = join(process.env["KEYMOUNT_CACHE"] ?? join(homedir(), ".cache", "keymount"), "e2e");
  const built = existsSync(cache) ? readdirSync(cache).find((name) => /^vault-[0-9a-f]+$/.test(name)) : undefined;
  return built && join(cache, built);
}

async function startReal(): Promise<Started> {
  const binary = realVaultBinary();
  if (!binary) throw new Error("Vault is not built; npm run e2e builds it");
  const logs = await processDirectory(join(tmpdir(), "km-bench-vault-"));
  const { access, stop } = await startVaultDev({ binary, logs: logs.path }, new AbortController().signal);
  return { access, stop: () => stop().then(logs.remove) };
}

async function prepare(administrator: Administrator, publicKeyPem: string): Promise<void> {
  await administrator.write("sys/mounts/kv", { type: "kv", options: { version: "2" } });
  await administrator.write("sys/policies/acl/bench", { policy: 'path "kv/data/+/*" { capabilities = ["read"] }' });
  await administrator.write("sys/auth/kubernetes", { type: "jwt" });
  await administrator.write("auth/kubernetes/config", { jwt_validation_pubkeys: [publicKeyPem] });
  await administrator.write("auth/kubernetes/role/bench", {
    role_type: "jwt",
    user_claim: "sub",
    bound_audiences: ["vault"],
    token_policies: ["bench"],
    token_ttl: "1h",
  });
  for (let n = 0; n < readsPerMount; n += 1)
    await putUntilReady(administrator, `bench/${n}`, { value: "s".repeat(1024) });
}

/** The embedded database, and what the misbehaving tenant owns. */
async function prepareEmbedded(administrator: Administrator): Promise<void> {
  await putUntilReady(administrator, "mallory/own", { key: "value" });
  await withDatabase({ admin: administrator }, { ttl: "2m", maxTtl: "24h" });
  const paths = ["kv/data/bench/*", "database/creds/app"];
  await administrator.write("sys/policies/acl/leases", {
    policy: paths.map((path) => `path "${path}" { capabilities = ["read"] }`).join("\n"),
  });
  await administrator.write("auth/kubernetes/role/leases", {
    role_type: "jwt",
    user_claim: "sub",
    bound_audiences: ["vault"],
    token_policies: ["leases"],
    token_ttl: "2m",
    token_max_ttl: "24h",
  });
  await administrator.write("auth/kubernetes/role/short", {
    role_type: "jwt",
    user_claim: "sub",
    bound_audiences: ["vault"],
    token_policies: ["bench"],
    token_ttl: "20s",
  });
}

/** Vault upgrades a KV v2 engine for a moment after it was mounted. */
async function putUntilReady(administrator: Administrator, path: string, data: Record<string, string>): Promise<void> {
  for (let tries = 50; ; tries -= 1) {
    try {
      return await administrator.putSecret(path, data);
    } catch (error) {
      if (tries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function roundTrip(administrator: Administrator): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 50; n += 1) {
    const startedAt = performance.now();
    await administrator.request("GET", "kv/data/bench/0");
    times.push(performance.now() - startedAt);
  }
  return median(times);
}
