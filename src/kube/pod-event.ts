/** An event of a pod, shown to its owner by `kubectl describe pod`. */
export interface PodEvent {
  pod: { namespace: string; name: string; uid: string };
  type: "Normal" | "Warning";
  /** In UpperCamelCase, for machines. */
  reason: string;
  /** Our own text: it holds no token, value or foreign text. */
  message: string;
}
