import { afterAll, describe, inject } from "vitest";
import { type DevVault, startDevVault } from "../../dev/vault/dev-vault.js";
import type { TokenReviewer } from "../../dev/vault/kubernetes-auth.js";
import { type AuditedRequest, auditedRequests } from "./audit-log.js";
import { type DriverVersion, driverVersions } from "./csi-driver.js";
import { type LoginDatabase, startLoginDatabase } from "./login-database.js";
import type { Stack } from "./stack.js";
import { VaultApi } from "./vault-api.js";
import { startVaultDev } from "./vault-dev.js";
import { enableKubernetesAuth } from "./vault-kubernetes-auth.js";

/** What a case that is played in front of both products works with. */
export interface Server {
  /** The run's, with this server as its Vault. */
  readonly stack: Stack;
  /** What it was asked by the service accounts of one Kubernetes namespace, in order. */
  readonly asked: (namespace: string) => Promise<Pick<AuditedRequest, "what" | "ok" | "pod">[]>;
  /** What its database engine has behind it. */
  readonly startDatabase: (logs: string, signal: AbortSignal) => Promise<LoginDatabase>;
}

/** The run's own Vault. */
export async function vaultOfTheRun(): Promise<Server> {
  const stack = inject("stack");
  return {
    stack,
    asked: (namespace) => auditedRequests(stack.vault.auditLog, namespace),
    startDatabase: startLoginDatabase,
  };
}

/** An embedded OpenBao with the mounts of the run's Vault, which ends with the file's tests, or those of a `describe`. */
export async function startEmbeddedOpenBao(): Promise<Server & { readonly bao: DevVault }> {
  const server = await openBao();
  afterAll(() => server.bao.stop());
  return server;
}

/** A server that one case has to itself, so that it may be sealed. */
export type OwnServer = (
  name: string,
  signal: AbortSignal,
) => Promise<{ readonly stack: Stack; readonly unsealKey: string; readonly stop: () => Promise<void> }>;

export const ownVault: OwnServer = async (name, signal) => {
  const shared = inject("stack");
  const { access, ...own } = await startVaultDev({ binary: shared.binaries.vault, logs: shared.logs, name }, signal);
  await enableKubernetesAuth(access, shared.kubernetes);
  return { ...own, stack: { ...shared, vault: { ...shared.vault, ...access } } };
};

export const ownOpenBao: OwnServer = async () => {
  const { bao, stack } = await openBao();
  return { stack, unsealKey: bao.unsealKey, stop: () => bao.stop() };
};

async function openBao(): Promise<Server & { readonly bao: DevVault }> {
  const shared = inject("stack");
  const bao = await startDevVault({ product: "openbao", review });
  const access = { address: bao.address, token: bao.rootToken };
  const admin = new VaultApi(access);
  await admin.request("POST", "sys/mounts/secret", { type: "kv", options: { version: "2" } });
  await admin.request("POST", "sys/mounts/kv1", { type: "kv", options: { version: "1" } });
  await admin.request("POST", "sys/auth/kubernetes", { type: "kubernetes" });
  await admin.request("POST", "auth/kubernetes/config", { kubernetes_host: shared.kubernetes.server });
  return {
    bao,
    stack: { ...shared, vault: { ...shared.vault, ...access } },
    asked: async (namespace) => askedOf(bao, namespace),
    startDatabase: async () => imaginedDatabase(bao),
  };
}

/** Both, for `describe.each`. */
export const servers: readonly (readonly [product: ServerProduct, start: () => Promise<Server>])[] = [
  ["Vault", vaultOfTheRun],
  ["OpenBao", startEmbeddedOpenBao],
];
export type ServerProduct = "Vault" | "OpenBao";

/** Both drivers in front of Vault, and the newer in front of OpenBao, for `describe.each`. */
export const driversAndServers: readonly (readonly [DriverVersion, ServerProduct, () => Promise<Server>])[] = [
  ...driverVersions.map((driver) => [driver, "Vault", vaultOfTheRun] as const),
  ["1.6.0", "OpenBao", startEmbeddedOpenBao],
];

/** Cases that mostly wait: in front of both servers at once, and those of each one after the other. */
export function describeInFrontOfBoth(cases: (product: ServerProduct, server: Server) => Promise<void>): void {
  describe.concurrent.each(servers)("in front of %s", (product, start) => {
    describe.sequential(product, async () => cases(product, await start()));
  });
}

/** Takes the API server's tokens as they are; whether a server verifies them is other cases' subject. */
const review: TokenReviewer = (jwt, audiences) => {
  const claims = JSON.parse(Buffer.from(jwt.split(".")[1]!, "base64url").toString()) as {
    sub: string;
    "kubernetes.io": { serviceaccount: { uid: string } };
  };
  const { uid } = claims["kubernetes.io"].serviceaccount;
  return { authenticated: true, username: claims.sub, uid, audiences };
};

const operations: Readonly<Record<string, string>> = { GET: "read", LIST: "list", PUT: "update", POST: "update" };

function askedOf({ log }: DevVault, namespace: string) {
  const pods = log.all.map((request) => ({ ...request, pod: request.headers["x-keymount-pod"] }));
  return pods
    .filter(({ pod, status }) => status !== undefined && pod?.startsWith(`${namespace}/`))
    .map(({ method, path, status, pod }) => ({
      what: path.endsWith("/login") ? "login" : `${operations[method]} ${path}`,
      ok: status! < 300,
      pod,
    }));
}

function imaginedDatabase(bao: DevVault): LoginDatabase {
  const setDown = (down: boolean) => {
    for (const database of bao.databases) database.isDown = down;
    return Promise.resolve();
  };
  /** The server does so when it is next asked for anything. */
  const dropWhatHasEnded = () => void bao.live;
  return {
    socket: "/imagined",
    users: async () => {
      dropWhatHasEnded();
      return bao.databases.flatMap(({ users }) => users).sort();
    },
    addUser: async () => undefined,
    logIn: async (user, password) => {
      dropWhatHasEnded();
      if (bao.databases.some((database) => !database.isDown && database.admits(user, password))) return user;
      throw new Error(`password authentication failed for user "${user}"`);
    },
    down: () => setDown(true),
    up: () => setDown(false),
    stop: async () => undefined,
  };
}
