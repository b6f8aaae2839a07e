/** Licences under which a package may be in the bundle; another one is a decision for people. */
const permitted = new Set(["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Public Domain"]);

/** Throws where a package may be had under none of the permitted licences. */
export function checkLicences(packages) {
  const alternatives = ({ licences }) => licences.flatMap((licence) => licence.split(" OR "));
  const refused = packages.filter((one) => !alternatives(one).some((expression) => isPermitted(expression)));
  if (refused.length === 0) return;
  throw new Error(
    `licences that are not permitted: ${refused.map(({ purl, licences }) => `${purl} (${licences})`).join(", ")}`,
  );
}

const isPermitted = (expression) => expression.split(" AND ").every((licence) => permitted.has(licence));

/** CycloneDX 1.6 as JSON text. The same packages give the same bytes: it holds no time and no random number. */
export function billOfMaterials({ name, version, license }, packages) {
  const components = packages.map(({ name, version, purl, licences, integrity }) => ({
    type: "library",
    "bom-ref": purl,
    name,
    version,
    purl,
    licenses: licences.map(licenceChoice),
    hashes: [{ alg: "SHA-512", content: Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex") }],
  }));
  const application = {
    type: "application",
    "bom-ref": `pkg:npm/${name}@${version}`,
    name,
    version,
    purl: `pkg:npm/${name}@${version}`,
    licenses: [licenceChoice(license)],
  };
  const bill = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: application },
    components,
  };
  return `${JSON.stringify(bill, null, 2)}\n`;
}

function licenceChoice(licence) {
  if (/ (OR|AND) /.test(licence)) return { expression: licence };
  return { license: /\s/.test(licence) ? { name: licence } : { id: licence } };
}

/** The licences of all packages, as text. */
export function licenceList(packages) {
  const rule = `\n\n${"=".repeat(78)}\n\n`;
  const one = ({ name, version, licences, licenceText }) =>
    `${name} ${version}\n${licences.join(", ")}\n\n${licenceText}`;
  return `keymount contains these packages, under these licences.${rule}${packages.map(one).join(rule)}\n`;
}
