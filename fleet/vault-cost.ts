import { readFile, readdir, mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realVaultBinary } from "../bench/vault.js";
import { TokenReviewServer } from "../dev/testing/token-review-server.js";
import { Administrator } from "../dev/vault/administrator.js";
import { ServiceAccountIssuer } from "../dev/vault/service-account-issuer.js";
import { startVaultRaft } from "../e2e/stack/vault-raft.js";
import { systemClock } from "../src/shared/clock.js";

/**
 * `node scripts/run-ts.js fleet/vault-cost.ts`: the CPU milliseconds that the leader of a real Vault of three nodes (raft)
 * spends on each kind of request, as `vault-capacity.ts` has them. CPU time, unlike throughput, hardly depends on what else
 * the machine does, and says what more cores would take.
 */
const binary = realVaultBinary();
if (!binary) throw new Error("Vault is not built; npm run e2e builds it");
const directory = await mkdtemp(join(tmpdir(), "km-fleet-"));
const issuer = new ServiceAccountIssuer(systemClock);
const reviews = new TokenReviewServer(issuer);
const agent = new Agent({ keepAlive: true, maxSockets: 4 });
const signal = new AbortController().signal;
await reviews.start();
const raft = await startVaultRaft({ binary, directory, logs: directory, size: 3 }, signal);
try {
  const { address, api, name } = await raft.leader();
  const admin = new Administrator({ address, token: api.access.token });
  await admin.write("sys/mounts/kv", { type: "kv", options: { version: "2" } });
  await admin.putSecret("app", { password: "x".repeat(1024) });
  await admin.write("sys/policies/acl/app", { policy: 'path "kv/data/*" { capabilities = ["read"] }' });
  await admin.write("sys/auth/kubernetes", { type: "kubernetes" });
  await admin.write("auth/kubernetes/config", {
    kubernetes_host: reviews.address,
    token_reviewer_jwt: issuer.mint({ namespace: "vault", serviceAccount: "vault", audiences: ["vault"] }),
    disable_local_ca_jwt: true,
  });
  await admin.write("auth/kubernetes/role/app", {
    bound_service_account_names: ["*"],
    bound_service_account_namespaces: ["shop"],
    audience: "vault",
    token_policies: ["app"],
    token_ttl: "1h",
  });
  const jwt = issuer.mint({ namespace: "shop", serviceAccount: "web", audiences: ["vault"] });
  const pid = await processOf(`${name}.hcl`);
  const tokens: string[] = [];
  const ask = (method: string, path: string, token: string, body?: object) =>
    send(new URL(`${address}/v1/${path}`), method, token, body);
  const login = async () => {
    const { auth } = (await ask("POST", "auth/kubernetes/login", "", { role: "app", jwt })) as {
      auth: { client_token: string };
    };
    tokens.push(auth.client_token);
  };
  await times(200, login);
  await report("login", pid, 2_000, login);
  await report("read", pid, 5_000, () => ask("GET", "kv/data/app", tokens[0]!));
  await report("renewal", pid, 2_000, (n) => ask("POST", "auth/token/renew-self", tokens[n % tokens.length]!, {}));
  await report("revocation", pid, 2_000, () => ask("POST", "auth/token/revoke-self", tokens.pop()!));
} finally {
  agent.destroy();
  await raft.stop();
  await reviews.stop();
  await rm(directory, { recursive: true, force: true });
}

async function report(what: string, pid: string, count: number, act: (n: number) => Promise<unknown>): Promise<void> {
  const [before, startedAt] = [await cpuMs(pid), performance.now()];
  await times(count, act);
  const [cpu, ms] = [(await cpuMs(pid)) - before, performance.now() - startedAt];
  console.log(`${what}: ${(cpu / count).toFixed(2)} ms of CPU, ${Math.round((count / ms) * 1000)} a second here`);
}

async function times(count: number, act: (n: number) => Promise<unknown>): Promise<void> {
  let begun = 0;
  const work = async () => {
    while (begun < count) await act((begun += 1) - 1);
  };
  await Promise.all(Array.from({ length: 4 }, work));
}

function send(url: URL, method: string, token: string, body?: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, agent, headers: { "x-vault-token": token } }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      answer.on("end", () => {
        if (answer.statusCode! < 300) resolve(text === "" ? {} : JSON.parse(text));
        else reject(new Error(`Vault answers ${answer.statusCode} to ${method} ${url.pathname}: ${text}`));
      });
    });
    asked.on("error", reject).end(body && JSON.stringify(body));
  });
}

/** User and system time, in ticks of 10 ms. */
async function cpuMs(pid: string): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function processOf(argument: string): Promise<string> {
  for (const pid of await readdir("/proc")) {
    const line = /^\d+$/.test(pid) ? await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "") : "";
    if (line.includes(directory) && line.includes(argument)) return pid;
  }
  throw new Error("Vault has no process");
}
