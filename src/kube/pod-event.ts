/** What is to be told of a pod, where its owner looks: among the events of `kubectl describe pod`. */
export interface PodEvent {
  pod: { namespace: string; name: string; uid: string };
  type: "Normal" | "Warning";
  /** In UpperCamelCase, for machines. */
  reason: string;
  /** Ours alone: it holds no token, value or stranger's text. */
  message: string;
}
