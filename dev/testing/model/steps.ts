import fc from "fast-check";
import { tenants } from "./node-world.js";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** What happens around keymount, also while it mounts. */
export type Happening =
  | { do: (typeof changes)[number]; tenant: number }
  | { do: "revoke its token" | "revoke its lease"; pod: number }
  | { do: (typeof troubles)[number] };

/** When a set is written: its two writes are at most `apart` requests apart. */
interface Writes {
  apart: number;
  twinFirst: boolean;
}

/** What may happen on a node, as data, so that a sequence that goes wrong can be cut down and printed. */
export type Step =
  | Happening
  | { do: "mount" | "upgrade" | "replace the pod" | "start a pod while Vault is away"; pod: number }
  | { do: "pass"; ms: number }
  | ({ do: "change the set"; tenant: number } & Writes)
  | ({ do: "mount while the set changes"; pod: number; after: number } & Writes)
  | { do: "meanwhile"; after: number; happening: Happening }
  | { do: "recreate the account"; tenant: number }
  | { do: "restart" | "lose the lock" }
  | { do: "kill"; after: number };

/** Nothing goes wrong in these. */
export const calmSteps: readonly Step["do"][] = [
  "mount",
  "pass",
  "change the set",
  "mount while the set changes",
  "recreate the account",
  "meanwhile",
];

const changes = [
  "take the note's key",
  "delete the note",
  "deny",
  "allow",
  "refuse logins",
  "allow logins",
  "note away",
  "twin away",
  "both back",
] as const;
const troubles = [
  "seal",
  "unseal",
  "lose the leader",
  "find a leader",
  "database down",
  "database up",
  "revoke all leases",
] as const;
const times = [second, 10 * second, minute, 3 * minute, 10 * minute, 20 * minute, hour, 5 * hour, 30 * hour] as const;

/** Any step on a node with so many pods; `starts` weighs those that matter to pods that start. */
export function anyStep(pods: number, { starts }: { starts: number }): fc.Arbitrary<Step> {
  const pod = fc.nat(pods - 1);
  const tenant = fc.nat(tenants.length - 1);
  const after = fc.nat(8);
  const set = { apart: fc.nat(4), twinFirst: fc.boolean() };
  const one = <Name extends string>(...names: readonly Name[]) => fc.constantFrom(...names);
  // Copies are of one path each: where pods start from them, all paths are away together.
  const change = fc.record({ do: one(...changes.filter((name) => starts === 0 || !name.endsWith(" away"))), tenant });
  const revocations = fc.record({ do: one("revoke its token", "revoke its lease"), pod });
  const trouble = fc.record({ do: one(...troubles) });
  const happening: fc.Arbitrary<Happening> = fc.oneof(change, revocations, trouble);
  return fc.oneof(
    { weight: 12, arbitrary: fc.record({ do: one("mount"), pod }) },
    { weight: 8, arbitrary: fc.record({ do: one("pass"), ms: fc.constantFrom(...times) }) },
    { weight: 2, arbitrary: fc.record({ do: one("upgrade", "replace the pod"), pod }) },
    { weight: 2, arbitrary: revocations },
    { weight: 1, arbitrary: fc.record({ do: one("change the set"), tenant, ...set }) },
    { weight: 4, arbitrary: fc.record({ do: one("mount while the set changes"), pod, after, ...set }) },
    { weight: 6, arbitrary: change },
    { weight: 5, arbitrary: trouble },
    { weight: 2, arbitrary: fc.record({ do: one("restart", "lose the lock") }) },
    { weight: 3, arbitrary: fc.record({ do: one("meanwhile"), after, happening }) },
    { weight: 3, arbitrary: fc.record({ do: one("kill"), after }) },
    { weight: 5 * starts, arbitrary: fc.record({ do: one("start a pod while Vault is away"), pod }) },
    { weight: 2 * starts, arbitrary: fc.record({ do: one("recreate the account"), tenant }) },
  );
}
