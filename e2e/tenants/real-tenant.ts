import { join } from "node:path";
import { DriverClient } from "../../src/driver/driver-client.js";
import { mountRequest, podVolumePath } from "../../src/driver/mount-request.js";
import type { Application } from "../stack/application.js";
import type { KubeAccess } from "../stack/kube-api.js";
import type { Pod } from "../stack/kubelet.js";
import type { Node } from "../stack/node.js";
import { enableKubernetesAuth } from "../stack/vault-kubernetes-auth.js";
import { type Blackhole, openBlackhole } from "./blackhole.js";
import type { Attempt, Tenant, TenantAccess } from "./misbehaviour.js";
import type { FaultProxy } from "./start-fault-proxy.js";

/** A tenant of the real stack, whose database and TokenReview never answer. */
export interface RealTenant extends TenantAccess {
  readonly blackhole: Blackhole;
  /** Unmounts what its attempts mounted, and deletes its pods; its servers end. */
  readonly leave: () => Promise<void>;
}

interface Parts {
  readonly app: Application;
  readonly node: Node;
  readonly proxy: FaultProxy;
  readonly kubernetes: KubeAccess;
}

export async function createRealTenant({ app, node, proxy, kubernetes }: Parts): Promise<RealTenant> {
  const { namespace } = app;
  const blackhole = await openBlackhole();
  const tenant: Tenant = {
    namespace,
    role: namespace,
    shortRole: `${namespace}-short`,
    kv: (name) => `secret/data/${namespace}/${name}`,
    database: `db-${namespace}`,
    hangingAuth: `kubernetes-${namespace}`,
  };
  await prepareVault(app, tenant, kubernetes, blackhole);
  const className = await app.createClass({ objects: "- {objectName: none, secretPath: none/none}" });
  const { socket: socketPath, health } = node.provider();
  const pods = new PodsOf(app, node, className);
  const driver = new DriverClient(socketPath, { timeoutMs: 30_000 });
  const direct = async ({ pod, volume = "secrets", parameters, outsidePod }: Attempt, signal: AbortSignal) => {
    const { name, uid, serviceAccount } = await pods.pod(pod);
    const request = mountRequest({
      pod: { namespace, name, uid, serviceAccount },
      parameters: { roleName: tenant.role, ...parameters },
      tokens: { vault: await pods.token(pod) },
      targetPath: outsidePod ? join("/tmp", namespace, "sync") : podVolumePath(uid, volume),
    });
    const outcome = await driver.mount(request, signal);
    if (!outcome.ok) throw new Error(`${outcome.code} ${outcome.message}`);
  };
  return {
    tenant,
    socketPath,
    health,
    blackhole,
    plan: async (faults) => (await proxy.plan(namespace, faults)) + blackhole.accepted(),
    mount: (attempt, signal) =>
      attempt.direct || attempt.outsidePod ? direct(attempt, signal) : pods.publish(attempt),
    leave: async () => {
      driver.close();
      await pods.leave();
      await blackhole.stop();
    },
  };
}

async function prepareVault(app: Application, tenant: Tenant, kubernetes: KubeAccess, { port }: Blackhole) {
  const { vault, namespace, serviceAccount } = app;
  const { database, hangingAuth, shortRole } = tenant;
  const paths = [`secret/data/${namespace}/*`, `${database}/creds/*`];
  await vault.writePolicy(
    namespace,
    paths.map((path) => `path "${path}" { capabilities = ["read", "create", "update"] }`).join("\n"),
  );
  await vault.writeSecret(`${namespace}/own`, { key: "value" });
  await vault.request("POST", `sys/mounts/${database}`, { type: "database" });
  await vault.request("POST", `${database}/config/postgres`, {
    plugin_name: "postgresql-database-plugin",
    allowed_roles: ["*"],
    verify_connection: false,
    connection_url: `postgresql://postgres:x@127.0.0.1:${port}/postgres?sslmode=disable`,
  });
  await vault.request("POST", `${database}/roles/app`, {
    db_name: "postgres",
    creation_statements: [`CREATE ROLE "{{name}}" LOGIN`],
  });
  const role = { namespaces: [namespace], serviceAccounts: [serviceAccount], policies: [namespace], audience: "vault" };
  await vault.writeRole(shortRole, { ...role, ttl: "20s" });
  const hanging = { ...kubernetes, server: `https://127.0.0.1:${port}` };
  await enableKubernetesAuth(vault.access, kubernetes, hangingAuth);
  await vault.request("POST", `auth/${hangingAuth}/config`, {
    kubernetes_host: hanging.server,
    kubernetes_ca_cert: kubernetes.ca,
  });
  await vault.writeRole(namespace, role, hangingAuth);
}

type Token = { token: string; expirationTimestamp: string };

/** The pods of one row, made when they are first named. */
class PodsOf {
  #pods = new Map<number, Promise<Pod>>();
  #tokens = new Map<number, Promise<Token>>();
  #mounted = new Map<string, { pod: Pod; volume: string }>();
  readonly #app: Application;
  readonly #node: Node;
  readonly #className: string;

  constructor(app: Application, node: Node, className: string) {
    this.#app = app;
    this.#node = node;
    this.#className = className;
  }

  pod(number: number): Promise<Pod> {
    return remembered(this.#pods, number, () =>
      this.#node.kubelet.createPod({
        namespace: this.#app.namespace,
        serviceAccount: this.#app.serviceAccount,
        volumes: { secrets: { secretProviderClass: this.#className } },
      }),
    );
  }

  token(number: number): Promise<Token> {
    return remembered(this.#tokens, number, async () => {
      const pod = await this.pod(number);
      const account = { namespace: pod.namespace, name: pod.serviceAccount };
      return this.#app.kube.token(account, { audience: "vault", pod });
    });
  }

  /** As the kubelet does for a pod whose volume says all of it in its attributes, which overrule the class. */
  async publish({ pod: number, volume = "secrets", parameters }: Attempt): Promise<void> {
    const pod = await this.pod(number);
    const volumes = { [volume]: { secretProviderClass: this.#className, ...parameters } };
    await this.#node.kubelet.publish({ ...pod, volumes }, volume);
    this.#mounted.set(`${pod.uid}/${volume}`, { pod, volume });
  }

  async leave(): Promise<void> {
    const pods = await Promise.all(this.#pods.values());
    for (const { pod, volume } of this.#mounted.values())
      await this.#node.kubelet.unpublish(pod, volume).catch(() => undefined);
    await Promise.all(pods.map((pod) => this.#node.kubelet.deletePod(pod)));
    this.#pods = new Map();
    this.#tokens = new Map();
    this.#mounted = new Map();
  }
}

function remembered<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}
