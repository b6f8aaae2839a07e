import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * The packages that modules of a bundle come from, sorted: name, version, SPDX licences, the lockfile's integrity and the
 * text of the licence, where the package brings one. `root` holds package-lock.json and node_modules.
 *
 * @param {readonly string[]} moduleIds
 * @param {string} root
 * @returns {{ name: string, version: string, purl: string, licences: string[], integrity: string, licenceText?: string }[]}
 */
export function bundledPackages(moduleIds, root) {
  const { packages: locked } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const folders = new Set(moduleIds.map((id) => packageFolder(id, root)).filter(Boolean));
  const found = [...folders].map((folder) => describe(folder, root, locked[folder]));
  return found.sort((a, b) => (a.purl < b.purl ? -1 : 1));
}

/** `node_modules/…/name`, as the lockfile calls it; of our own modules nothing. */
function packageFolder(id, root) {
  const path = id.startsWith(root) ? id.slice(root.length).replace(/^\//, "") : "";
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
}

function describe(folder, root, locked) {
  if (!locked) throw new Error(`${folder} is in the bundle and not in package-lock.json`);
  const { name, license, licenses } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  return {
    name,
    version: locked.version,
    purl: `pkg:npm/${name.replace("@", "%40")}@${locked.version}`,
    licences: licencesOf(license ?? licenses),
    integrity: locked.integrity,
    licenceText: licenceText(join(root, folder)),
  };
}

/** A string as npm wants it, or a list of objects as npm once did. */
function licencesOf(written) {
  const all = (Array.isArray(written) ? written : [written]).map((one) => one?.type ?? one);
  return all.map((one) => one.replace(/^\((.*)\)$/, "$1"));
}

function licenceText(folder) {
  const file = readdirSync(folder).find((name) => /^licen[cs]e(\.(md|txt))?$/i.test(name));
  return file && readFileSync(join(folder, file), "utf8").trim();
}
