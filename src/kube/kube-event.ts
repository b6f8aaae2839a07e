import type { ProviderError } from "../shared/errors.js";

/** `live`: it is up to date, or was less than a minute ago; `stale`: it cannot tell which pods are alive. */
export type PodWatchState = "starting" | "live" | "stale";

/** What happens at the API server: to the pods' events that are written there, and to the watch of the node's pods. */
export type KubeEvent =
  | { kind: "podEventWritten" }
  /** There were too many at once, or, where there is an error, the API server did not take it. */
  | { kind: "podEventLost"; error?: ProviderError | undefined }
  | { kind: "podWatchChanged"; state: PodWatchState; error?: ProviderError | undefined };
