import { setTimeout as sleep } from "node:timers/promises";
import type { CredentialInfo } from "../../src/shared/credential-info.js";
import type { LeaseFixture } from "../stack/lease-fixture.js";
import type { VaultRaft } from "../stack/vault-raft.js";
import { type RolePlan, shortLivedOf } from "./plan.js";

/** Something that goes wrong, for as long as its promise lasts. */
export interface Fault {
  readonly what: string;
  readonly happen: () => Promise<unknown>;
}

/** One after the other, and then from the first again. */
export function faults(
  { node, database, logins, held }: LeaseFixture,
  raft: VaultRaft,
  roles: readonly RolePlan[],
  signal: AbortSignal,
): Fault[] {
  const vault = raft.nodes[0]!;
  const shortLived = shortLivedOf(roles);
  const rest = (ms: number) => sleep(ms, undefined, { signal });
  let turn = 0;
  return [
    {
      what: "keymount is killed",
      happen: async () => {
        await node.provider().crash();
        await node.provider().start();
      },
    },
    {
      what: "Vault is sealed",
      happen: async () => {
        await vault.seal();
        await rest(20_000);
        await vault.unseal();
        await raft.leader();
      },
    },
    {
      what: "the leases of a role are revoked by prefix",
      happen: async () => {
        const { name } = shortLived[(turn += 1) % shortLived.length]!;
        await vault.api.request("PUT", `sys/leases/revoke-prefix/${database}/creds/${name}`);
      },
    },
    {
      what: "keymount is stopped and started, as an update does it",
      happen: async () => {
        await node.provider().stop();
        await node.provider().start();
      },
    },
    {
      what: "the database goes away",
      happen: async () => {
        await logins.down();
        await rest(15_000);
        await logins.up();
      },
    },
    {
      what: "ten tokens are revoked",
      happen: async () => {
        const isShortLived = ({ role }: CredentialInfo) => shortLived.some(({ name }) => role.endsWith(`-${name}`));
        const tokens = (await held()).filter(({ kind }) => kind === "token").filter(isShortLived);
        for (const { tokenAccessor: accessor } of tokens.slice(0, 10)) {
          await vault.api.answer("POST", "auth/token/revoke-accessor", { accessor });
        }
      },
    },
    {
      what: "Vault is killed",
      happen: async () => {
        await vault.end("SIGKILL");
        await rest(10_000);
        await vault.start();
        await vault.unseal();
        await raft.leader();
      },
    },
  ];
}
