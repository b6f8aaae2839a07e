import fc from "fast-check";
import { expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { parseMountRequest } from "../../dev/testing/parse-mount-request.js";
import { ClassCache } from "./class-cache.js";

const pieces = [
  ..."[]{},:-?&*!|>'\"#%@`~\n\t \\",
  "objectName: ",
  "secretPath: ",
  "secretKey: ",
  "secretArgs: ",
  "filePermission: ",
  "- ",
  "\n  ",
  "<<: *a",
  "&a ",
  "!!int ",
  "0644",
  "../",
  "a/b",
  "?version=2",
  "\u0000",
  "\ud800",
  "__proto__: ",
  "constructor",
];
const yaml = fc.string({ unit: fc.constantFrom(...pieces), maxLength: 60 });
const name = fc.constantFrom(
  "roleName",
  "objects",
  "vaultAuthMountPath",
  "baoNamespace",
  "refreshInterval",
  "rolloutOnChange",
  "__proto__",
  "csi.storage.k8s.io/pod.uid",
  "csi.storage.k8s.io/serviceAccount.tokens",
  "x",
);
const attributes = fc.oneof(
  fc.dictionary(name, fc.oneof(yaml, fc.json(), fc.string())).map((own) => JSON.stringify({ ...valid, ...own })),
  yaml.map((objects) => JSON.stringify({ ...valid, objects })),
  fc.json(),
  fc.string(),
);
const valid = {
  roleName: "web",
  "csi.storage.k8s.io/pod.namespace": "shop",
  "csi.storage.k8s.io/serviceAccount.name": "web",
  objects: "- {objectName: a, secretPath: b}",
};

test("any request becomes a spec or an invalid_request of one line", () => {
  const classes = new ClassCache(1 << 20);
  fc.assert(
    fc.property(attributes, fc.oneof(fc.json(), fc.string()), fc.string(), (text, secrets, permission) => {
      const request = { attributes: text, secrets, permission, targetPath: "/mnt/secrets-store" };
      try {
        const spec = parseMountRequest(request, { refreshIntervalMs: 120_000, classes });
        for (const { objectName, request: asked } of spec.class.objects) {
          expect(`${objectName} ${asked.path}`).not.toMatch(/(^|\/)\.\.?(\/|$)|\p{Cc}|^\//u);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(ProviderError);
        expect(error).toMatchObject({
          code: "invalid_request",
          message: expect.not.stringMatching(/\p{Cc}/u) as string,
        });
      }
    }),
    { numRuns: 2_000 },
  );
});
