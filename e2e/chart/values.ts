/** Sets of values that people use, by name: each must render what the API server takes. */
export const matrix: Readonly<Record<string, object>> = {
  "one Vault": {},
  "its CA from a ConfigMap": { vault: { ca: { configMap: "vault-ca" } } },
  "its CA from a Secret, and a client certificate": {
    vault: { ca: { secret: "vault-ca", key: "tls.crt" }, clientCertificate: { secret: "vault-client" } },
  },
  "all that can be said of one Vault": {
    vault: {
      aliases: ["http://vault.vault:8200"],
      namespace: "team-a",
      authMount: "cluster-a",
      audiences: ["vault", "shop"],
    },
  },
  "two connections": {
    vault: { address: "" },
    config: {
      default: "main",
      connections: {
        main: { addresses: ["https://vault-0:8200", "https://vault-1:8200"] },
        payments: { addresses: ["https://payments:8200"], policy: { namespaces: ["payments"] } },
      },
    },
  },
  "tokens of our own": { tokenRequest: { fallback: true, audiences: ["vault", "shop"] } },
  events: { events: { enabled: true } },
  "another user": { nonRoot: { enabled: true } },
  OpenShift: { openshift: { enabled: true } },
  "OpenShift, another user": { openshift: { enabled: true }, nonRoot: { enabled: true } },
  "the node's network": { hostNetwork: true, health: { port: 18080 } },
  "a second directory": { sockets: { additionalDirectory: "/etc/kubernetes/secrets-store-csi-providers" } },
  "a sidecar": { form: "sidecar" },
  "a sidecar with credentials": { form: "sidecar", sidecar: { pollInterval: "1h" } },
  "all monitoring": {
    metrics: {
      serviceMonitor: {
        enabled: true,
        labels: { release: "prometheus" },
        relabelings: [{ sourceLabels: ["__meta_kubernetes_pod_node_name"], targetLabel: "node" }],
      },
      podMonitor: {
        enabled: true,
        metricRelabelings: [{ action: "drop", regex: "nodejs_.*", sourceLabels: ["__name__"] }],
      },
      rules: { enabled: true, disabled: ["KeymountMemory"], runbookUrl: "https://git.example/keymount/" },
      dashboard: { enabled: true },
    },
  },
  "a network policy": {
    networkPolicy: {
      enabled: true,
      metricsFrom: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }],
    },
  },
  "accounts and rights from elsewhere": {
    serviceAccount: { create: false, name: "elsewhere" },
    rbac: { create: false },
    key: { create: false },
  },
  "everything of the pod's": {
    imagePullSecrets: [{ name: "registry" }],
    podLabels: { team: "platform" },
    podAnnotations: { note: "x" },
    affinity: {},
    extraArgs: ["--log-level=debug"],
    extraEnv: [{ name: "TZ", value: "UTC" }],
    extraVolumes: [{ name: "more", emptyDir: {} }],
    extraVolumeMounts: [{ name: "more", mountPath: "/more" }],
    updateStrategy: { maxUnavailable: 1 },
  },
  "names, labels and objects of one's own": {
    nameOverride: "secrets",
    commonLabels: { team: "platform" },
    annotations: { note: "x" },
    updateStrategy: { type: "OnDelete" },
    probes: { liveness: { initialDelaySeconds: 5 } },
    priorityClassName: "",
    extraObjects: [
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "{{ .Release.Name }}-more" }, data: { a: "b" } },
    ],
  },
};

export const base = { vault: { address: "https://vault.example:8200" } };

/** The values of a set, over the least that the chart wants. */
export function valuesOf(set: object): object {
  const vault = { ...base.vault, ...(set as { vault?: object }).vault };
  return { ...base, ...set, vault };
}
