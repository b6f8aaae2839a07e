import { plot } from "./plot.js";
import { type Load, peers } from "./peers.js";
import type { Fleet, Minute, Scenario } from "./scenarios.js";
import { type RequestKind, capacityMs, cpuMs, requestKinds } from "./vault-capacity.js";

/** One scenario of one fleet. Rates are requests a second. */
export interface Row {
  fleet: Fleet;
  scenario: Scenario;
  /** Of the worst minute of each kind. */
  logins: number;
  reads: number;
  /** The share of Vault that the worst minute takes: 1 is all that it has. */
  busy: number;
  /** Requests that were given up, of all minutes. */
  late: number;
  tokens: number;
  leases: number;
  /** Of all minutes, for the ordinary hour. */
  average: Load;
}

export interface Results {
  rows: Row[];
  /** Of the largest fleet, minute by minute. */
  series: Record<Scenario, Minute[]>;
  /** The same from samples of two sizes: reads a second in an ordinary hour, logins in all after a reboot. */
  samples: { nodes: number; reads: number; logins: number }[];
}

export function rowOf(fleet: Fleet, scenario: Scenario, minutes: readonly Minute[]): Row {
  const most = (of: (minute: Minute) => number) => Math.max(...minutes.map(of));
  const mean = (kind: RequestKind | "tokens" | "leases") =>
    minutes.reduce((sum, minute) => sum + minute[kind], 0) / minutes.length;
  return {
    fleet,
    scenario,
    logins: Math.round(most(({ login }) => login) / 60),
    reads: Math.round(most(({ read }) => read) / 60),
    busy: Number(most(busyIn).toFixed(2)),
    late: minutes.reduce((sum, { late }) => sum + late, 0),
    tokens: most(({ tokens }) => tokens),
    leases: most(({ leases }) => leases),
    average: {
      logins: Math.round(mean("login") / 60),
      reads: Math.round(mean("read") / 60),
      renewals: Math.round(mean("renewal") / 60),
      tokens: Math.round(mean("tokens")),
      leases: Math.round(mean("leases")),
    },
  };
}

/** The share of Vault's CPU that a minute takes. */
export function busyIn(minute: Minute): number {
  const ms = requestKinds.reduce((sum, kind) => sum + minute[kind] * cpuMs[kind], 0);
  return ms / (60 * capacityMs);
}

const titles: Record<Scenario, string> = {
  steady: "An ordinary half hour",
  upgrade: "Nodes are drained and upgraded, a tenth every five minutes from minute 0",
  outage: "Vault is away from minute 0 to 60",
  reboot: "All nodes lose power at minute 0",
};

/** By file name. */
export function plots({ rows, series }: Results): Record<string, string> {
  const { nodes, podsPerNode } = rows.at(-1)!.fleet;
  const share = (kinds: readonly RequestKind[]) => (minute: Minute) =>
    Math.round((kinds.reduce((sum, kind) => sum + minute[kind] * cpuMs[kind], 0) / (60 * capacityMs)) * 1000) / 10;
  const drawn = Object.entries(titles).map(([scenario, title]) => {
    const minutes = series[scenario as Scenario];
    const line = (name: string, kinds: readonly RequestKind[]) => ({ name, values: minutes.map(share(kinds)) });
    const lines = [
      line("logins", ["login"]),
      line("reads", ["read"]),
      line("leases", ["lease"]),
      line("renewals", ["renewal"]),
      line("revocations", ["revocation"]),
    ];
    const whole = `${title}: ${thousands(nodes)} nodes × ${podsPerNode} pods, % of Vault`;
    return [`${scenario}.svg`, plot(whole, lines, -10, { name: "all that Vault has", at: 100 })] as const;
  });
  return Object.fromEntries(drawn);
}

const names: Record<Scenario, string> = {
  steady: "ordinary",
  upgrade: "rolling upgrade",
  outage: "Vault back after an hour",
  reboot: "all nodes reboot",
};

/** The tables of docs/sizing.md, as Markdown. */
export function tables({ rows, samples }: Results): string {
  const cost = rows.map(({ fleet, scenario, logins, reads, busy, late, tokens, leases }) =>
    cells(
      `${thousands(fleet.nodes)} × ${fleet.podsPerNode}`,
      `\`refreshInterval: ${fleet.refreshIntervalMs / 60_000}m\`, \`inFlight: ${fleet.inFlight}\``,
      names[scenario],
      ...[logins, reads].map(thousands),
      `${Math.round(busy * 100)} %`,
      ...[late, tokens, leases].map(thousands),
    ),
  );
  const largest = rows.at(-1)!.fleet.nodes;
  const { fleet, average } = rows.find(({ fleet, scenario }) => fleet.nodes === largest && scenario === "steady")!;
  const beside = Object.entries({ keymount: average, ...peers(fleet) }).map(([name, load]) =>
    cells(name, ...[load.logins, load.reads, load.renewals, load.tokens, load.leases].map(thousands)),
  );
  return [
    "| nodes × pods | settings | | logins/s | reads/s | of Vault's CPU | given up | tokens | leases |",
    "|---|---|---|---|---|---|---|---|---|",
    ...cost,
    "",
    `The same ${thousands(fleet.nodes)} × ${fleet.podsPerNode} pods by other means, in an ordinary hour:`,
    "",
    "| | logins/s | reads/s | renewals/s | tokens | leases |",
    "|---|---|---|---|---|---|",
    ...beside,
    "",
    `Two samples: ${samples.map(({ nodes, reads, logins }) => `${nodes} nodes give ${thousands(reads)} reads/s in an ordinary hour and ${thousands(logins)} logins after a reboot`).join("; ")}.`,
  ].join("\n");
}

function cells(...texts: string[]): string {
  return `| ${texts.join(" | ")} |`;
}

function thousands(value: number): string {
  return value < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value).toLocaleString("en-US");
}
