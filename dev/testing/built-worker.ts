import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundleWorker } from "../../scripts/bundle.js";
import { builtFolder, writeBuilt } from "./built-files.js";

const name = "keymount-worker.js";

/** Where tests have the worker's code; it is there once `builtWorker` has been called. */
export const workerFile = pathToFileURL(join(builtFolder, name));

let building: Promise<URL> | undefined;

/** Builds the worker from this tree's sources, once in a thread. */
export function builtWorker(): Promise<URL> {
  building ??= build();
  return building;
}

async function build(): Promise<URL> {
  const { code } = await bundleWorker();
  await writeBuilt(name, code);
  return workerFile;
}
