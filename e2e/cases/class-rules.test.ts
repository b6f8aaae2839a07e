import { expect, inject, test } from "vitest";
import { type ClassRule, classRules, type SecretObject } from "../../dev/testing/class-rules.js";
import { KubeApi, KubeError, type KubeObject } from "../stack/kube-api.js";

const api = new KubeApi(inject("stack").kubernetes);

/** What the API server says to a manifest as kubectl sends it; nothing is created. */
async function isTaken(object: object): Promise<true | string> {
  return api.dryRun(object as KubeObject).then(
    () => true,
    (error: unknown) => (error instanceof KubeError ? error.message : Promise.reject(error as Error)),
  );
}

/** As the driver makes it (driver 1.6.0 secretproviderclasspodstatus_controller.go). */
function secretOf({ secretName, type, labels, annotations, data }: SecretObject): object {
  const items = data as { key: string }[];
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: String(secretName).trim(), labels, annotations },
    type,
    data: Object.fromEntries(items.map(({ key }) => [key.trim(), Buffer.from("{}").toString("base64")])),
  };
}

// The path of a version that is not there is none of the API server's.
const atItsPath = ({ manifest: { apiVersion } }: ClassRule) => String(apiVersion).startsWith("secrets-store.csi");

test.each(classRules.filter(atItsPath))("the API server judges as the table has it: $what", async (rule) => {
  const { manifest, refusedBy } = rule;
  const ofClass = await isTaken(manifest);
  if (refusedBy === "the class") return expect(ofClass).toMatch(/: (400|404|422) /);
  expect(ofClass).toBe(true);
  if (refusedBy === "the driver") return;
  for (const secret of manifest.spec.secretObjects ?? []) {
    const ofSecret = await isTaken(secretOf(secret));
    if (refusedBy === "the Secret") expect(ofSecret).toContain(": 422 ");
    else expect(ofSecret).toBe(true);
  }
});
