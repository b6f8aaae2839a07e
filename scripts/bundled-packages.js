import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * The packages that modules of a bundle come from, sorted: name, version, SPDX licences, the lockfile's integrity and the
 * text of the licence. `root` holds package-lock.json and node_modules. Throws where a package brings no such text.
 *
 * @param {readonly string[]} moduleIds
 * @param {string} root
 * @returns {{ name: string, version: string, purl: string, licences: string[], integrity: string, licenceText: string }[]}
 */
export function bundledPackages(moduleIds, root) {
  const { packages: locked } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const folders = new Set(moduleIds.map((id) => packageFolder(id, root)).filter(Boolean));
  const modulesOf = (folder) => moduleIds.filter((id) => packageFolder(id, root) === folder);
  const found = [...folders].map((folder) => describe(folder, root, locked[folder], modulesOf(folder)));
  return found.sort((a, b) => (a.purl < b.purl ? -1 : 1));
}

/** `node_modules/…/name`, as the lockfile calls it; of our own modules nothing. */
function packageFolder(id, root) {
  const path = id.startsWith(root) ? id.slice(root.length).replace(/^\//, "") : "";
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
}

function describe(folder, root, locked, modules) {
  if (!locked) throw new Error(`${folder} is in the bundle and not in package-lock.json`);
  const { name, license, licenses } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  const text = licenceText(join(root, folder)) ?? notices(modules);
  if (!text) throw new Error(`${folder} is in the bundle and says nowhere under which terms`);
  return {
    name,
    version: locked.version,
    purl: `pkg:npm/${name.replace("@", "%40")}@${locked.version}`,
    licences: licencesOf(license ?? licenses),
    integrity: locked.integrity,
    licenceText: text,
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

/** What a package without such a file says at the head of its modules, as `//` comments; each notice once. */
function notices(modules) {
  const heads = modules.map((id) => /^(\/\/.*\n)+/.exec(readFileSync(id, "utf8"))?.[0] ?? "");
  const said = heads.filter((head) => /copyright/i.test(head)).map((head) => head.replace(/^\/\/ ?/gm, "").trim());
  return [...new Set(said)].join("\n\n");
}
