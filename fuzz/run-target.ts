import { openSync, writeSync } from "node:fs";
import { fuzz } from "./fuzz.js";
import { targets } from "./targets.js";

/** A process of its own for one target: NAME SECONDS FIRST-SEED RECORD. It tells its parent what it found. */
const [name, seconds, firstSeed, record] = process.argv.slice(2) as [string, string, string, string];
const target = targets.find((one) => one.name === name)!;

/** The first seeds are the same in every run, for a quarter of the time. */
const fixedShare = 0.25;
const casesPerSeed = 50;
const usualCpuLimitMs = 2_000;

const startedAt = performance.now();
const spent = () => (performance.now() - startedAt) / 1000;

function* seeds(): Generator<number> {
  for (let seed = 1; firstSeed === "random" && spent() < Number(seconds) * fixedShare; seed += 1) yield seed;
  const random = firstSeed === "random" ? 1_000_000 + Math.floor(Math.random() * 1_000_000_000) : Number(firstSeed);
  for (let seed = random; ; seed += 1) yield seed;
}

const file = openSync(record, "w");
const position = Buffer.alloc(16);
const found = await fuzz(target, {
  seeds: seeds(),
  casesPerSeed,
  enough: () => spent() >= Number(seconds),
  begin(seed, index) {
    position.writeDoubleLE(seed, 0);
    position.writeDoubleLE(index, 8);
    writeSync(file, position, 0, position.length, 0);
  },
  cpuLimitMs: target.cpuLimitMs ?? usualCpuLimitMs,
});
process.send!(found, () => process.exit());
