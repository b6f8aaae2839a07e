import { mkdtemp, rename } from "node:fs/promises";
import { join } from "node:path";
import { inject } from "vitest";
import { ServiceAccountIssuer } from "../../dev/vault/service-account-issuer.js";
import { systemClock } from "../../src/shared/clock.js";
import { TokenReviewServer } from "../../dev/testing/token-review-server.js";
import { describeStandbyContract, describeVaultContract } from "../../dev/testing/vault-contract/contract.js";
import type { DatabaseSubject, VaultUnderTest } from "../../dev/testing/vault-contract/vault-under-test.js";
import { type Postgres, startPostgres } from "../stack/postgres.js";
import { startVaultDev } from "../stack/vault-dev.js";
import { startVaultRaft } from "../stack/vault-raft.js";

const { binaries, directory, logs: allLogs } = inject("stack");
const logs = join(allLogs, "contract");
const startTimeout = () => AbortSignal.timeout(80_000);

describeVaultContract("Vault 1.21.1, a dev server and PostgreSQL", startDev, { database: true });
describeStandbyContract("Vault 1.21.1, two nodes on raft", startPair);

async function startDev(): Promise<VaultUnderTest> {
  const signal = startTimeout();
  const [vault, postgres] = await Promise.all([
    startVaultDev({ binary: binaries.vault, logs, name: "contract-vault" }, signal),
    startPostgres({ logs }, signal),
  ]);
  const kubernetes = await startReviews();
  return {
    address: vault.access.address,
    rootToken: vault.access.token,
    ...kubernetes,
    unsealKey: vault.unsealKey,
    database: subjectOf(postgres),
    stop: async () => {
      await Promise.all([vault.stop(), postgres.stop(), kubernetes.stop()]);
    },
  };
}

async function startPair(): Promise<VaultUnderTest> {
  const folder = await mkdtemp(join(directory, "pair-"));
  const raft = await startVaultRaft({ binary: binaries.vault, directory: folder, logs, size: 2 }, startTimeout());
  const leader = await raft.leader();
  const kubernetes = await startReviews();
  return {
    address: leader.address,
    rootToken: leader.api.access.token,
    ...kubernetes,
    unsealKey: "",
    standbyAddress: raft.nodes.find((node) => node !== leader)!.address,
    stop: async () => {
      await Promise.all([raft.stop(), kubernetes.stop()]);
    },
  };
}

/** Pods' tokens, and an API server that reviews them. */
async function startReviews() {
  const issuer = new ServiceAccountIssuer(systemClock);
  const server = new TokenReviewServer(issuer);
  await server.start();
  const reviewer = { namespace: "kube-system", serviceAccount: "vault", audiences: ["https://kubernetes"] };
  return {
    issuer,
    kubernetesConfig: {
      kubernetes_host: server.address,
      token_reviewer_jwt: issuer.mint(reviewer),
      disable_local_ca_jwt: true,
    },
    setApiServerDown: (down: boolean) => (down ? server.stop() : server.start()),
    stop: () => server.stop(),
  };
}

function subjectOf({ socket, sql }: Postgres): DatabaseSubject {
  const open = join(socket, ".s.PGSQL.5432");
  const shut = join(socket, ".out-of-reach");
  let isDown = false;
  return {
    url: `host=${socket} user=postgres dbname=postgres`,
    users: () => sql("select rolname from pg_roles where rolname like 'v-%'"),
    // Its socket is moved away and its connections are cut, which to Vault is a database that is gone.
    setDown: async (down) => {
      if (down === isDown) return;
      if (down) await sql("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()");
      const [from, to] = down ? [open, shut] : [shut, open];
      await rename(from, to);
      isDown = down;
    },
  };
}
