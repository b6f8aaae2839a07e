/**
 * What classes of other Secrets Store CSI providers write as `spec.provider`, by their own documentation. An operator may
 * call keymount anything else.
 */
export const otherProviders: ReadonlySet<string> = new Set([
  "akeyless",
  "alibabacloud",
  "aws",
  "azure",
  "conjur",
  "gcp",
  "gke",
  "infisical",
  "oci",
  "pulumi",
]);
