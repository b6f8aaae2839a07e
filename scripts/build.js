import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { billOfMaterials, checkLicences, licenceList } from "./bill-of-materials.js";
import { bundle, bundleDev, bundleWorker, root } from "./bundle.js";
import { bundledPackages } from "./bundled-packages.js";

/** What nodes load and keep in memory. */
const mostProviderKiB = 1_100;

const application = JSON.parse(await readFile(`${root}package.json`, "utf8"));
const withDev = !process.argv.includes("--without-dev");
const [main, worker, dev] = await Promise.all([bundle(), bundleWorker(), withDev ? bundleDev() : undefined]);
checkIsLean(main);

await mkdir(`${root}dist`, { recursive: true });
await write("keymount.js", main.code, 0o755);
await write("keymount-worker.js", worker.code);
const shipped = await writeMaterials([...main.moduleIds, ...worker.moduleIds], "");
console.log(
  `dist/keymount.js  ${kib(main.code)} KiB, dist/keymount-worker.js  ${kib(worker.code)} KiB, of ${shipped.length} packages beside our own code`,
);
if (dev) {
  await write("keymount-dev.js", dev.code);
  await writeMaterials(dev.moduleIds, "-dev");
  console.log(`dist/keymount-dev.js  ${kib(dev.code)} KiB`);
}

/** As one step, for what runs from dist/ meanwhile. */
async function write(name, content, mode = 0o644) {
  const path = `${root}dist/${name}`;
  await writeFile(`${path}.${process.pid}`, content, { mode });
  await rename(`${path}.${process.pid}`, path);
}

/** The bill of materials and the licences of one of the things that are distributed: the provider, or the embedded Vault. */
async function writeMaterials(moduleIds, suffix) {
  const packages = bundledPackages(moduleIds, root);
  checkLicences(packages);
  await write(`sbom${suffix}.cdx.json`, billOfMaterials(application, packages));
  await write(`LICENSES${suffix}.txt`, licenceList(packages));
  return packages;
}

function checkIsLean({ code, moduleIds }) {
  const stray = moduleIds.find((id) => /\/dev\/|\/node-forge\//.test(id.slice(root.length - 1)));
  if (stray) throw new Error(`dist/keymount.js would hold ${stray}`);
  if (kib(code) > mostProviderKiB)
    throw new Error(`dist/keymount.js is ${kib(code)} KiB, more than ${mostProviderKiB}`);
}

function kib(code) {
  return Math.round(code.length / 1024);
}
