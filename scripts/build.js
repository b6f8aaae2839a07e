import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { billOfMaterials, checkLicences, licenceList } from "./bill-of-materials.js";
import { bundle, bundleWorker, root } from "./bundle.js";
import { bundledPackages } from "./bundled-packages.js";

const main = await bundle();
const worker = await bundleWorker();
const packages = bundledPackages([...main.moduleIds, ...worker.moduleIds], root);
checkLicences(packages);
const application = JSON.parse(await readFile(`${root}package.json`, "utf8"));

await mkdir(`${root}dist`, { recursive: true });
await writeFile(`${root}dist/keymount.js`, main.code);
await chmod(`${root}dist/keymount.js`, 0o755);
await writeFile(`${root}dist/keymount-worker.js`, worker.code);
await writeFile(`${root}dist/sbom.cdx.json`, billOfMaterials(application, packages));
await writeFile(`${root}dist/LICENSES.txt`, licenceList(packages));
console.log(
  `dist/keymount.js  ${kib(main.code)} KiB, dist/keymount-worker.js  ${kib(worker.code)} KiB, of ${packages.length} packages beside our own code`,
);

function kib(code) {
  return Math.round(code.length / 1024);
}
