import type { KubeObject } from "./kube-api.js";

const name = {
  type: "string",
  minLength: 1,
  maxLength: 253,
  pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
};
const path = {
  type: "string",
  minLength: 1,
  maxLength: 253,
  pattern: "^[A-Za-z0-9.]([-A-Za-z0-9]+([-._a-zA-Z0-9]?[A-Za-z0-9])*)?(\\/([0-9]+))*$",
};
const textsBelow = (limit: number) => ({
  type: "object",
  additionalProperties: { type: "string" },
  "x-kubernetes-validations": [
    { rule: `self.all(x, x.size() < ${limit} && self[x].size() < ${limit})` },
    { rule: "self.all(x, !x.startsWith('secrets-store.sync.x-k8s.io'))" },
  ],
});
const secretObject = {
  type: "object",
  required: ["data", "type"],
  properties: {
    type: { type: "string", minLength: 1, maxLength: 253 },
    data: {
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        required: ["sourcePath", "targetKey"],
        properties: { sourcePath: path, targetKey: path },
      },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["targetKey"],
    },
    labels: textsBelow(63),
    annotations: textsBelow(253),
  },
};
const spec = {
  type: "object",
  required: ["secretObject", "secretProviderClassName", "serviceAccountName"],
  properties: { secretProviderClassName: name, serviceAccountName: name, secretObject },
};

/** What the CustomResourceDefinition of secrets-store-sync-controller (its chart's crds/) demands of a `spec`, and no more. */
export const secretSyncCrd: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: {
    name: "secretsyncs.secret-sync.x-k8s.io",
    annotations: { "api-approved.kubernetes.io": "unapproved, for tests" },
  },
  spec: {
    group: "secret-sync.x-k8s.io",
    names: { kind: "SecretSync", plural: "secretsyncs", singular: "secretsync" },
    scope: "Namespaced",
    versions: [
      {
        name: "v1alpha1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
      },
    ],
  },
};
