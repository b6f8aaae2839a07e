import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundleWorker } from "../../scripts/bundle.js";

const folder = fileURLToPath(new URL("../../.cache/worker", import.meta.url));

/** Where tests have the worker's code; it is there once `builtWorker` has been called. */
export const workerFile = pathToFileURL(`${folder}keymount-worker-${process.pid}.js`);

let building: Promise<URL> | undefined;

/** Builds the worker from this tree's sources, once in a process. */
export function builtWorker(): Promise<URL> {
  building ??= build();
  return building;
}

async function build(): Promise<URL> {
  const { code } = await bundleWorker();
  await mkdir(folder, { recursive: true });
  await writeFile(workerFile, code);
  return workerFile;
}
