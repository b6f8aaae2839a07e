import { randomBytes } from "node:crypto";
import type { Options } from "../config/options.js";
import type { TokenMinter } from "../mount/visitor.js";
import { ProviderError } from "../shared/errors.js";
import { Redacted } from "../shared/redacted.js";
import type { Log } from "../telemetry/log.js";
import { readKeyFile } from "./key-file.js";

/** What the cluster gives the daemon. */
export interface ClusterParts {
  key: Redacted<Buffer>;
  minter: TokenMinter | undefined;
}

export async function clusterParts(options: Options, log: Log, signal: AbortSignal): Promise<ClusterParts> {
  return { key: await keyOf(options, log, signal), minter: undefined };
}

async function keyOf({ key, kubernetesApi }: Options, log: Log, signal: AbortSignal): Promise<Redacted<Buffer>> {
  if (key && "file" in key) return readKeyFile(key.file, signal);
  if (kubernetesApi || key) {
    throw new ProviderError(
      "invalid_request",
      "in a cluster every node needs the same key: give --key-secret NAME or --key-file FILE",
    );
  }
  log.warn("no key was given: object versions are this process's own, and change when it starts anew");
  return new Redacted(randomBytes(32));
}
