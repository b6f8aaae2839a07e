import type { ProviderError } from "../shared/errors.js";
import type { PodWatchState } from "./pod-watch.js";

/** What happens at the API server: to the pods' events that are written there, and to the watch of the node's pods. */
export type KubeEvent =
  | { kind: "podEventWritten" }
  /** There were too many at once, or, where there is an error, the API server did not take it. */
  | { kind: "podEventLost"; error?: ProviderError | undefined }
  | { kind: "podWatchChanged"; state: PodWatchState; error?: ProviderError | undefined };
