/** Kubernetes' rules for names (apimachinery pkg/util/validation/validation.go). */

const labelPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const namePattern = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** Of a namespace. */
export function isDnsLabel(name: string): boolean {
  return name.length <= 63 && labelPattern.test(name);
}

/** Of most objects. Unlike in a label, its parts may each be as long as the whole. */
export function isDnsSubdomain(name: string): boolean {
  return name.length <= 253 && name.split(".").every((part) => labelPattern.test(part));
}

/** The key of a label: a name, and before it a domain and a slash where it has one. */
export function isLabelKey(key: string): boolean {
  const [name = "", domain, ...more] = key.split("/").reverse();
  return more.length === 0 && (domain === undefined || isDnsSubdomain(domain)) && isLabelName(name);
}

/** As of a label, but case does not matter in the domain either. */
export function isAnnotationKey(key: string): boolean {
  return isLabelKey(key.toLowerCase());
}

export function isLabelValue(value: string): boolean {
  return value === "" || isLabelName(value);
}

/** Of the data of a Secret. */
export function isDataKey(key: string): boolean {
  return /^[-._a-zA-Z0-9]{1,253}$/.test(key) && key !== "." && !key.startsWith("..");
}

function isLabelName(name: string): boolean {
  return name.length <= 63 && namePattern.test(name);
}
