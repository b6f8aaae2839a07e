import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { billOfMaterials, checkLicences, licenceList } from "./bill-of-materials.js";
import { bundle, root } from "./bundle.js";
import { bundledPackages } from "./bundled-packages.js";

const { code, moduleIds } = await bundle();
const packages = bundledPackages(moduleIds, root);
checkLicences(packages);
const application = JSON.parse(await readFile(`${root}package.json`, "utf8"));

await mkdir(`${root}dist`, { recursive: true });
await writeFile(`${root}dist/keymount.js`, code);
await chmod(`${root}dist/keymount.js`, 0o755);
await writeFile(`${root}dist/sbom.cdx.json`, billOfMaterials(application, packages));
await writeFile(`${root}dist/LICENSES.txt`, licenceList(packages));
console.log(
  `dist/keymount.js  ${Math.round(code.length / 1024)} KiB, of ${packages.length} packages beside our own code`,
);
