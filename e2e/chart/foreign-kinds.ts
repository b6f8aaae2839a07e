import type { KubeObject } from "../stack/kube-api.js";

/**
 * Kinds of the Prometheus operator and of OpenShift, whose definitions are not to be had here: the fields that the chart
 * may use, from their API references. Anything else is a mistake of ours.
 */
export const foreignKinds: Readonly<Record<string, { apiVersion: string; fields: readonly string[] }>> = {
  ServiceMonitor: { apiVersion: "monitoring.coreos.com/v1", fields: ["spec.selector", "spec.endpoints"] },
  PodMonitor: { apiVersion: "monitoring.coreos.com/v1", fields: ["spec.selector", "spec.podMetricsEndpoints"] },
  PrometheusRule: { apiVersion: "monitoring.coreos.com/v1", fields: ["spec.groups"] },
  SecurityContextConstraints: {
    apiVersion: "security.openshift.io/v1",
    fields: [
      "allowHostDirVolumePlugin",
      "allowHostIPC",
      "allowHostNetwork",
      "allowHostPID",
      "allowHostPorts",
      "allowPrivilegeEscalation",
      "allowPrivilegedContainer",
      "allowedCapabilities",
      "defaultAddCapabilities",
      "fsGroup",
      "groups",
      "readOnlyRootFilesystem",
      "requiredDropCapabilities",
      "runAsUser",
      "seLinuxContext",
      "seccompProfiles",
      "supplementalGroups",
      "users",
      "volumes",
    ],
  },
};

/** What is wrong with an object of such a kind; nothing is well. */
export function looksRight({ kind, apiVersion, metadata, ...rest }: KubeObject): string[] {
  const known = foreignKinds[kind]!;
  const fields = Object.entries(rest).flatMap(([name, value]) =>
    name === "spec" ? Object.keys(value as object).map((field) => `spec.${field}`) : [name],
  );
  return [
    ...(apiVersion === known.apiVersion ? [] : [`${kind} is of ${known.apiVersion}, not ${apiVersion}`]),
    ...(metadata.name ? [] : [`${kind} has no name`]),
    ...fields.filter((field) => !known.fields.includes(field)).map((field) => `${kind} has no ${field}`),
  ];
}
