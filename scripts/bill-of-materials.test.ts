import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { billOfMaterials, checkLicences, licenceList } from "./bill-of-materials.js";
import { bundle, bundleWorker, root } from "./bundle.js";
import { bundledPackages } from "./bundled-packages.js";

const [main, worker] = [await bundle(), await bundleWorker()];
const packages = bundledPackages([...main.moduleIds, ...worker.moduleIds], root);
const application = { name: "keymount", version: "1.2.3", license: "Apache-2.0" };

test.each([
  ["bundle", main],
  ["worker's", worker],
])(
  "the %s is one file of ASCII, and asks for no native module and no package: any machine with Node runs it",
  (_, { code }) => {
    expect(code).toMatch(/^[\0-\x7f]+$/);
    expect(code).not.toMatch(/\.node["'`]/);
    const asking = [/(?:^|[;}\n])import[^"'`;]*["']([^"']+)["']/g, /\bgetBuiltinModule\(["'`]([^"'`]+)["'`]/g];
    const asked = asking.flatMap((pattern) => [...code.matchAll(pattern)].map(([, from]) => from!));
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((from) => !from.startsWith("node:"))).toEqual([]);
  },
);

test("who uses no template has nothing of Liquid's in memory", () => {
  expect(main.moduleIds.filter((id: string) => id.includes("liquidjs"))).toEqual([]);
});

test("the bundle has nothing of node-vault's commands", () => {
  expect(readFileSync(join(root, "node_modules/node-vault/src/commands.js"), "utf8")).toContain("removeTokenRole");
  expect(main.code).not.toContain("removeTokenRole");
});

test("each package of the bundle is listed, and none that is not in it", () => {
  const bill = JSON.parse(billOfMaterials(application, packages)) as {
    components: { name: string; version: string }[];
  };
  const names = bill.components.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["@grpc/grpc-js", "node-vault", "pino", "zod"]));
  expect(names).toContain("liquidjs");
  for (const unused of ["axios", "tv4", "mustache", "debug", "vitest"]) expect(names).not.toContain(unused);
  for (const { name, version } of bill.components) {
    const installed = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as object;
    expect(installed).toMatchObject({ name, version });
  }
});

test("the same packages give the same bytes at any time", () => {
  const digest = () => createHash("sha256").update(billOfMaterials(application, packages)).digest("hex");
  expect(digest()).toBe(digest());
  expect(billOfMaterials(application, packages)).not.toMatch(/timestamp|serialNumber/);
});

test("each package's licence is there, by name and as text", () => {
  const list = licenceList(packages);
  for (const { name, version, licences, licenceText } of packages) {
    expect(licenceText).toMatch(/copyright|public domain/i);
    expect(list).toContain(`${name} ${version}\n${licences.join(", ")}\n\n${licenceText}`);
  }
});

test("of a package without a file of its licence, the notices of its modules are there", () => {
  const { licenceText } = packages.find(({ name }) => name === "@bufbuild/protobuf")!;
  expect(licenceText).toContain("Licensed under the Apache License, Version 2.0");
  expect(licenceText).toContain("Copyright 2008 Google Inc.");
  expect(licenceText.match(/Redistributions in binary form must reproduce/g)).toHaveLength(1);
});

test.each([
  ["GPL-3.0-only", false],
  ["MIT", true],
  ["(MIT OR GPL-3.0-only)", true],
  ["MIT AND GPL-3.0-only", false],
  ["UNLICENSED", false],
])("a package under %s may be bundled: %s", (licence, may) => {
  const check = () => checkLicences([{ purl: "pkg:npm/a@1", licences: [licence.replace(/^\((.*)\)$/, "$1")] }]);
  if (may) expect(check).not.toThrow();
  else expect(check).toThrow("pkg:npm/a@1");
});
