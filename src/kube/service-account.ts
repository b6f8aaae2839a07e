import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ProviderError } from "../shared/errors.js";
import { fileFault } from "../shared/file-fault.js";
import { Redacted } from "../shared/redacted.js";

/** Where the kubelet puts them in every container with a service account. */
export const serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

/** What a container needs to talk to its API server as itself. */
export interface ServiceAccountFiles {
  /** PEM. */
  ca: string;
  token: Redacted<string>;
}

/** Read at each use: the kubelet replaces the token within its hour, and the CA when it is rotated. */
export async function readServiceAccount(directory: string, signal: AbortSignal): Promise<ServiceAccountFiles> {
  const [ca, token] = await Promise.all([
    readOne(join(directory, "ca.crt"), signal),
    readOne(join(directory, "token"), signal),
  ]);
  return { ca, token: new Redacted(token.trim()) };
}

/** The Kubernetes namespace keymount itself runs in. */
export async function readOwnNamespace(directory: string, signal: AbortSignal): Promise<string> {
  return (await readOne(join(directory, "namespace"), signal)).trim();
}

async function readOne(path: string, signal: AbortSignal): Promise<string> {
  try {
    return await readFile(path, { encoding: "utf8", signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new ProviderError(
      "unavailable",
      `${path} cannot be read: ${fileFault(error as NodeJS.ErrnoException)}; keymount's pod needs its service account's token mounted`,
      { cause: error },
    );
  }
}
