import { setMaxListeners } from "node:events";
import type { Fault } from "./fault.js";

/** What a misbehaving tenant owns, on any stack. */
export interface Tenant {
  /** Its Kubernetes namespace. */
  readonly namespace: string;
  /** Its role in Vault; and one whose tokens live 20 s between two renewals. */
  readonly role: string;
  readonly shortRole: string;
  /** The path of a secret of its own, in the KV mount that all tenants share. */
  readonly kv: (name: string) => string;
  /** A database engine of its own whose database accepts connections and never answers. */
  readonly database: string;
  /** An auth mount of its own whose TokenReview never answers. */
  readonly hangingAuth: string;
}

/** One try to mount. */
export interface Attempt {
  /** Which of its pods, made when it is first named; a new number is a new identity. */
  readonly pod: number;
  /** Which volume of the pod; `secrets` unless said. */
  readonly volume?: string;
  /** The class's; `roleName` is the tenant's unless said. */
  readonly parameters: Readonly<Record<string, string>>;
  /** As the driver's sync controller asks: for no volume of a pod. Straight to keymount's socket. */
  readonly outsidePod?: true;
  /** Straight to keymount's socket, where a driver and its mounts would be the bottleneck. */
  readonly direct?: true;
}

/** Where keymount listens. */
export interface Edges {
  readonly socketPath: string;
  /** `http://host:port`. */
  readonly health: string;
}

/** Gives how often keymount met it. */
export type Stop = () => Promise<number>;

/** One way to misbehave. */
export interface Misbehaviour {
  readonly name: string;
  /** What of issue 11 it is: section and number. */
  readonly item: string;
  readonly seconds: number;
  /** How long it goes on before the neighbour is watched: what a row needs before it is what its name says. */
  readonly leadSeconds?: number;
  /** How the tenant's own paths answer meanwhile. */
  readonly faults?: (tenant: Tenant) => readonly Fault[];
  /** Mounts without a pause: so many at a time, each the next of its lane. */
  readonly mounts?: {
    readonly lanes: number;
    /** Between two of a lane; a kubelet waits half a second at least. Lanes begin one after the other within it. */
    readonly pauseMs: number;
    /** `n` counts all, `lane` says who makes it. */
    readonly attempt: (tenant: Tenant, n: number, lane: number) => Attempt;
  };
  /**
   * What a Mount must have come to, where that shows that keymount met what the row is about: `mounted`, or the refusal. Without it,
   * a request must have met the faults.
   */
  readonly outcome?: RegExp;
  /** How often that must be for the row to be what its name says; once unless said. */
  readonly least?: number;
  /** What is done to the socket or the health address. Pod authors cannot do it, and it is still harmless. */
  readonly disturb?: (edges: Edges) => Stop;
}

/** How a tenant's attempts reach keymount. */
export interface TenantAccess extends Edges {
  readonly tenant: Tenant;
  /** Resolves with how many requests met the faults before, or a server of the tenant's that never answers. */
  readonly plan: (faults: readonly Fault[]) => Promise<number>;
  /** Rejects with keymount's error. */
  readonly mount: (attempt: Attempt, signal: AbortSignal) => Promise<void>;
}

export interface Misbehaved {
  readonly attempts: number;
  readonly mounted: number;
  /** How often keymount met what the row is about. */
  readonly met: number;
  /** The error of the last refused attempt. */
  readonly lastRefusal: string;
  /** Resolves when the last attempts, which count no more, are over. */
  readonly ended: Promise<unknown>;
}

/** Lets the tenant misbehave until the returned function is called, which says what it came to. */
export async function misbehave(row: Misbehaviour, access: TenantAccess): Promise<() => Promise<Misbehaved>> {
  const { tenant } = access;
  await access.plan(row.faults?.(tenant) ?? []);
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  const figures = { attempts: 0, mounted: 0, met: 0, lastRefusal: "" };
  let begun = 0;
  const lane = async (mounts: NonNullable<Misbehaviour["mounts"]>, number: number) => {
    await pause((number * mounts.pauseMs) / mounts.lanes, ending.signal);
    while (!ending.signal.aborted) {
      const attempt = mounts.attempt(tenant, begun++, number);
      const refusal = await access.mount(attempt, ending.signal).then(() => undefined, String);
      // What ends after the row does is of no interest.
      if (ending.signal.aborted) return;
      figures.attempts += 1;
      if (refusal === undefined) figures.mounted += 1;
      else figures.lastRefusal = refusal.slice(0, 400);
      if (row.outcome?.test(refusal ?? "mounted")) figures.met += 1;
      await pause(mounts.pauseMs, ending.signal);
    }
  };
  const { mounts } = row;
  const lanes = mounts ? Array.from({ length: mounts.lanes }, (_, number) => lane(mounts, number)) : [];
  const stop = row.disturb?.(access);
  await pause((row.leadSeconds ?? 0) * 1_000, ending.signal);
  return async () => {
    ending.abort();
    const met = ((await stop?.()) ?? 0) + (await access.plan([]));
    if (!row.outcome) figures.met = met;
    return { ...figures, ended: Promise.all(lanes) };
  };
}

/** Not shorter than a turn of the event loop; ends with the signal. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end);
  });
}
