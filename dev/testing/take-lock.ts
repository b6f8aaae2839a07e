import { createServer } from "node:http";
import { StateLock } from "../../src/state/state-lock.js";

/** A process that takes the lock of a state directory, prints whether it got it, and ends: `DIRECTORY`. */
const lock = new StateLock(process.argv[2]!, () => String(process.pid));
const isTaken = await lock.take(createServer(), new AbortController().signal);
process.stdout.write(`${isTaken}\n`);
await lock.release();
