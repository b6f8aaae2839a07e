import type { Options } from "../config/options.js";
import type { Json } from "../shared/json.js";
import type { Redacted } from "../shared/redacted.js";

/** What is to be looked at. */
export interface DoctorInput {
  /** As `serve` would read it, or every mistake in it. */
  options: Options | { mistakes: readonly string[] };
  /** Where the flags come from, when they were not typed. */
  flagsFrom?: string;
  /** Written out, or by its name in the cluster. */
  class?: ClassInput | { namespace: string; name: string };
  /** The driver's CSIDriver object as it was given, not yet checked. */
  csiDriver?: Json;
  account: PodAccount;
  /** A service account token that was given; without it one is asked of the API server, where there is one. */
  token?: Redacted<string>;
  /** Asked before the API server is; gives `undefined` where no `keymount dev` runs beside the provider. */
  devToken?: (account: PodAccount, audience: string, signal: AbortSignal) => Promise<Redacted<string> | undefined>;
  /** Objects that make something at every read are read as well. */
  readAll: boolean;
}

/** Who the application runs as. */
export interface PodAccount {
  namespace: string;
  serviceAccount: string;
  /** Bound to this pod, the token dies with it. */
  pod?: { name: string; uid: string };
}

/** A class as its author wrote it. */
export interface ClassInput {
  /** For messages. */
  name: string;
  /** `spec.provider`. */
  provider: string;
  parameters: ReadonlyMap<string, string>;
}
