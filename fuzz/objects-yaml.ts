import fc from "fast-check";
import { objectFields } from "../src/mount/object-fields.js";
import { systemClock } from "../src/shared/clock.js";
import { checkPayloadPath } from "../src/driver/payload-path.js";
import { sampleConnection } from "../dev/testing/connection.js";
import { expectUntouchedPrototypes, wellKnown } from "./attributes.js";
import { canaries, withoutArguments } from "./canaries.js";
import { damagedText } from "./mutations.js";
import { HeldSecrets } from "./held-secrets.js";
import { MountRoom, expectEqual } from "./mounting.js";
import { oddText, oddValues, wellKnownObjects } from "./parameters.js";
import { podVolume } from "./service-account-token.js";
import type { Target } from "./target.js";

const scalar = fc.oneof(
  fc.constantFrom(...oddValues.filter((value) => value.length < 50)),
  fc.constantFrom(
    "!!binary aGk=",
    "!!int 0644",
    "!<x> y",
    "&a b",
    "*a",
    "<<",
    "|\n    block",
    '"\\u0000"',
    "? k",
    "!!set {a}",
  ),
  oddText.map((text) => JSON.stringify(text)),
);
const key = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...objectFields) }, { weight: 1, arbitrary: scalar });

/** YAML of any make, in flow style so that it may nest. */
const { node } = fc.letrec<{ node: string; map: string; list: string }>((tie) => ({
  node: fc.oneof({ depthSize: "small", withCrossShrink: true }, scalar, tie("map"), tie("list")),
  map: fc
    .array(fc.tuple(key, tie("node")), { maxLength: 4 })
    .map((members) => `{${members.map(([name, value]) => `${name}: ${value}`).join(", ")}}`),
  list: fc.array(tie("node"), { maxLength: 4 }).map((items) => `[${items.join(", ")}]`),
}));

const entry = fc
  .record({
    objectName: fc.oneof({ weight: 3, arbitrary: fc.constantFrom("a", "b", "c/d", "e/f") }, scalar),
    secretPath: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom("secret/data/a", "secret/data/a/", "kv/b?version=2") },
      scalar,
    ),
    odd: fc.array(fc.tuple(key, node), { maxLength: 3 }),
    secretArgs: fc.constantFrom("", `\n  method: PUT\n  secretArgs: {a: ${JSON.stringify(canaries.argument.value)}}`),
  })
  .map(
    ({ objectName, secretPath, odd, secretArgs }) =>
      `- objectName: ${objectName}\n  secretPath: ${secretPath}${secretArgs}${odd.map(([name, value]) => `\n  ${name}: ${value}`).join("")}\n`,
  );

const documents = fc.oneof(
  { weight: 4, arbitrary: fc.array(entry, { minLength: 1, maxLength: 4 }).map((entries) => entries.join("")) },
  { weight: 2, arbitrary: fc.constantFrom(...wellKnownObjects) },
  { weight: 1, arbitrary: node },
);

const laughs = (depth: number) =>
  `a0: &a0 [x]\n${Array.from({ length: depth }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(9)}]\n`).join("")}`;

const withArgs = (args: string) => `- {objectName: a, secretPath: b, method: PUT, secretArgs: ${args}}`;

/** The class's `objects`: YAML by a stranger. */
export const objectsYamlTarget: Target<string> = {
  name: "objects-yaml",
  cases: fc.oneof(
    { weight: 3, arbitrary: documents },
    { weight: 6, arbitrary: damagedText(documents.map(withoutArguments)) },
    fc.string({ unit: "binary" }),
  ),
  regressions: [
    laughs(9),
    `- &x [*x]`,
    "[".repeat(20_000),
    "{a: ".repeat(20_000),
    "- ".repeat(20_000),
    `${"- {objectName: a, secretPath: b}\n".repeat(5_000)}`,
    `${" ".repeat(200_000)}`,
    "? ? ? ? ?",
    "- objectName: a\n  secretPath: b\n...\n---\n- objectName: c\n",
    "%YAML 1.1\n---\n- {objectName: a, secretPath: b, filePermission: 0o17}\n",
    "\ufeff- {objectName: a, secretPath: b}",
    "- {objectName: a, secretPath: b}\r\n- {objectName: c, secretPath: d}\r",
    "- objectName: a\n\tsecretPath: b",
    `- {objectName: a, secretPath: b, filePermission: 99999999999999999999999}`,
    `- {objectName: a, secretPath: b, secretArgs: {<<: {<<: {a: 1}}}, method: PUT}`,
    `${"#".repeat(100_000)}\n- {objectName: a, secretPath: b}`,
    `- {objectName: "${"\\u0041".repeat(3_000)}", secretPath: b}`,
    withArgs(`{a: &x "${"y".repeat(30_000)}", l: [${"*x,".repeat(4_000)}]}`),
    withArgs(`{a: &x ${"9".repeat(30_000)}, l: [${"*x,".repeat(4_000)}]}`),
    withArgs(`{a: 0x${"f".repeat(60_000)}}`),
    `- &x {objectName: a, secretPath: b, secretKey: "${"/".repeat(50_000)}"}\n${"- {<<: *x}\n".repeat(99)}`,
    `- &x {objectName: "${"a/".repeat(2_000)}b", secretPath: b}\n${"- {<<: *x}\n".repeat(60)}`,
  ],
  async open() {
    const room = new MountRoom();
    const parts = { answers: new HeldSecrets(), connection: sampleConnection(), clock: systemClock };
    return {
      async check(objects) {
        const request = {
          attributes: JSON.stringify({ ...wellKnown, objects }),
          secrets: "",
          permission: "420",
          targetPath: podVolume,
          currentObjectVersion: [],
        };
        const ask = () => room.mount(request, parts, new AbortController().signal);
        const outcome = await ask();
        expectEqual("the outcomes of the same objects", outcome, await ask());
        expectUntouchedPrototypes();
        if (!outcome.ok) return;
        for (const { path, mode } of outcome.response.files) {
          checkPayloadPath(path);
          if (!(mode >= 0 && mode <= 0o777)) throw new Error(`${path} has the mode ${mode}`);
        }
      },
      async close() {},
    };
  },
};
