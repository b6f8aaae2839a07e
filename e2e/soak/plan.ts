/** Of what a soak is made; a run says it in its report. */
export interface Plan {
  readonly minutes: number;
  readonly pods: number;
  readonly roles: readonly RolePlan[];
}

/** A role of the database, one of Vault's auth method, and the class of the pods that use both. Seconds. */
export interface RolePlan {
  readonly name: string;
  readonly ttl: number;
  readonly maxTtl: number;
  readonly tokenTtl: number;
  readonly tokenMaxTtl: number;
  /** From one republish of its pods to the next. */
  readonly republish: number;
}

/** The first roles are those of the shortest lives, asked for as often as a hurried kubelet would. */
const shortLived = 3;

export function plan(env: NodeJS.ProcessEnv): Plan {
  const minutes = Number(env["KEYMOUNT_SOAK_MINUTES"] ?? 20);
  const pods = Number(env["KEYMOUNT_SOAK_PODS"] ?? 300);
  const roles = Array.from({ length: 30 }, (_, index): RolePlan => {
    const name = `app-${String(index).padStart(2, "0")}`;
    if (index < shortLived) return { name, ttl: 30, maxTtl: 120, tokenTtl: 60, tokenMaxTtl: 600, republish: 5 };
    const ttl = [90, 120, 150, 180, 240][index % 5]!;
    const maxTtl = [240, 300, 360, 480][index % 4]!;
    return {
      name,
      ttl,
      maxTtl,
      tokenTtl: [90, 120, 180][index % 3]!,
      tokenMaxTtl: [600, 900][index % 2]!,
      republish: 20,
    };
  });
  return { minutes, pods, roles };
}
