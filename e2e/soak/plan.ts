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

/** The first roles are those of the shortest lives, requested as often as a kubelet with a short sync period would. */
const shortLived = 2;

/**
 * A republish costs the driver two writes to the API server, of which it lets itself make twenty a second: so many pods
 * are published once in a bit more than a minute, as by a kubelet, and live long enough for that.
 */
export function plan(env: NodeJS.ProcessEnv): Plan {
  const minutes = Number(env["KEYMOUNT_SOAK_MINUTES"] ?? 20);
  const pods = Number(env["KEYMOUNT_SOAK_PODS"] ?? 300);
  const roles = Array.from({ length: 30 }, (_, index): RolePlan => {
    const name = `app-${String(index).padStart(2, "0")}`;
    if (index < shortLived) return { name, ttl: 30, maxTtl: 120, tokenTtl: 60, tokenMaxTtl: 600, republish: 5 };
    return {
      name,
      ttl: [300, 330, 360, 420, 480][index % 5]!,
      maxTtl: [600, 660, 720, 840][index % 4]!,
      tokenTtl: [300, 330, 360][index % 3]!,
      tokenMaxTtl: [660, 900][index % 2]!,
      republish: 75,
    };
  });
  return { minutes, pods, roles };
}

/** What is revoked behind keymount's back shows at the next renewal: soon enough for a soak with these only. */
export function shortLivedOf(roles: readonly RolePlan[]): readonly RolePlan[] {
  return roles.slice(0, shortLived);
}
