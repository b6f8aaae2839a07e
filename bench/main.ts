import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { imageFlags } from "../dev/testing/image.js";
import { ServiceAccountIssuer } from "../dev/vault/service-account-issuer.js";
import { systemClock } from "../src/shared/clock.js";
import { type Figure, meetsBudget } from "./figure.js";
import { measureFloor } from "./floor.js";
import { measureHostile } from "./hostile.js";
import { measureLeases } from "./leases.js";
import { measureFilling, measureMounting } from "./mounting.js";
import { measureRepublishing } from "./republishing.js";
import { startPeer } from "./peer.js";
import { startProvider } from "./provider.js";
import { keepRun, lastRun } from "./results.js";
import type { Bench } from "./fixture.js";
import { measureStarting } from "./starting.js";
import { table } from "./table.js";
import { type BenchVault, type VaultKind, type VaultName, realVaultBinary, startVault } from "./vault.js";
import { countVolumeHours } from "./volume-hour.js";

const help = `Usage: npm run bench -- [OPTION…]

Measures the built keymount and prints each figure beside its budget and the committed run. A whole run is written to
bench/results.json. What is missed is marked, and is no failure.

  --quick        smaller samples; nothing is written
  --only TEXT    only measurements whose name holds the text; nothing is written. Names:
                 ${"{names}"}
  --node FILE    the Node binary that runs keymount
  --peer FILE    another provider, with the flags of the Go vault-csi-provider, measured after keymount in each row of
                 mount, fill and republish; needs root
  --flags FLAGS  Node's flags (default: those of the image, as the Dockerfile has them); with others nothing is written
  --date DATE    the run's date in results.json (default: today)
`;

interface Measurement {
  name: string;
  vault: VaultName;
  /** Given what the run has measured so far at the same Vault. */
  run: (bench: Bench, vault: BenchVault, measured: readonly Figure[]) => Promise<Figure[]>;
  /** Whether a peer is measured beside keymount. */
  besidePeer?: boolean;
}

const { values: options } = understood(() =>
  parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      node: { type: "string", default: process.execPath },
      peer: { type: "string" },
      flags: { type: "string", default: imageFlags.join(" ") },
      date: { type: "string", default: new Date().toISOString().slice(0, 10) },
      help: { type: "boolean", default: false },
    },
  }),
);
if (options.peer !== undefined) understood(() => accessSync(options.peer!, constants.X_OK));
const version = understood(() => execFileSync(options.node, ["--version"], { encoding: "utf8" }).trim());

const kinds: VaultKind[] = ["embedded 0 ms", "embedded 5 ms", "Vault 1.21.1"];
const vaults: VaultName[] = [...kinds, "embedded 0 ms, TLS", "Vault 1.21.1, TLS"];
const measurements: Measurement[] = [
  { name: "start", vault: "embedded 0 ms", run: (bench, vault) => measureStarting(bench, vault, version) },
  ...vaults.flatMap((vault): Measurement[] => [
    { name: `floor-1@${vault}`, vault, run: (bench, on) => measureFloor(bench, on, 1) },
    { name: `floor-16@${vault}`, vault, run: (bench, on) => measureFloor(bench, on, 16) },
    {
      name: `mount-1@${vault}`,
      vault,
      run: (bench, on, floor) => measureMounting(bench, on, 1, floor),
      besidePeer: true,
    },
    {
      name: `mount-16@${vault}`,
      vault,
      run: (bench, on, floor) => measureMounting(bench, on, 16, floor),
      besidePeer: true,
    },
    { name: `fill@${vault}`, vault, run: measureFilling, besidePeer: true },
  ]),
  { name: "leases", vault: "embedded 0 ms", run: measureLeases },
  { name: "hostile", vault: "embedded 0 ms", run: measureHostile },
  { name: "republish", vault: "embedded 0 ms", run: measureRepublishing, besidePeer: true },
];

async function main(): Promise<void> {
  if (options.help) return void process.stdout.write(help.replace("{names}", names()));
  if (!existsSync("dist/keymount.js")) throw new Error("nothing is built: npm run build");
  const flags = options.flags.split(" ").filter((flag) => flag !== "");
  const node = { path: options.node, flags };
  const bench: Bench = {
    start: (vault, settings) => startProvider(node, vault, settings),
    quick: options.quick,
    issuer: new ServiceAccountIssuer(systemClock),
  };
  const loadBefore = loadavg()[0]!;
  const figures: Figure[] = [];
  for (const name of vaults) figures.push(...(await measureAt(name, bench)));
  if ("volume-hour".includes(options.only)) figures.push(...(await countVolumeHours()));
  if (figures.length === 0) wrongUsage(`nothing was measured: --only ${options.only}`);

  const last = lastRun(version);
  console.log(`\n${table(figures, last)}`);
  const missed = figures.filter((figure) => !meetsBudget(figure)).length;
  console.log(`\nNode ${version} ${options.flags}; load before: ${loadBefore.toFixed(1)} on ${cpus().length} cores`);
  console.log(missed === 0 ? "every budget is met" : `budgets missed: ${missed}`);
  if (options.quick || options.only !== "" || options.flags !== imageFlags.join(" ")) return;
  keepRun({ version, date: options.date, loadBefore }, figures);
}

async function measureAt(at: VaultName, bench: Bench): Promise<Figure[]> {
  const wanted = measurements.filter(({ name, vault }) => vault === at && name.includes(options.only));
  if (wanted.length === 0) return [];
  if (at.startsWith("Vault") && !realVaultBinary()) {
    console.log("Vault itself is not built (npm run e2e builds it): left out");
    return [];
  }
  const vault = await startVault(at, bench.issuer.publicKeyPem);
  try {
    const figures: Figure[] = [];
    for (const { name, run, besidePeer } of wanted) {
      console.log(`${name} …`);
      figures.push(...(await run(bench, vault, figures)));
      const { peer } = options;
      if (peer === undefined || !besidePeer) continue;
      figures.push(...(await run({ ...bench, start: (on) => startPeer(peer, on) }, vault, figures)).flatMap(ofPeer));
    }
    return figures;
  } finally {
    await vault.stop();
  }
}

/** No budget is a peer's, and of keymount's metrics it has none. */
function ofPeer({ id, title, unit, value }: Figure): Figure[] {
  return Number.isNaN(value) ? [] : [{ id: `peer.${id}`, title: `peer: ${title}`, unit, value }];
}

/** What comes of what was asked for; what it throws is the caller's mistake. */
function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (reason) {
    return wrongUsage((reason as Error).message);
  }
}

function wrongUsage(message: string): never {
  console.error(`bench: ${message}; see npm run bench -- --help`);
  process.exit(2);
}

function names(): string {
  return [...measurements.map(({ name }) => name), "volume-hour"].join(", ");
}

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
await main();
