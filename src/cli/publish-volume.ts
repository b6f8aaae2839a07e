import { writePayloads } from "../driver/atomic-writer.js";
import type { DriverClient, MountOutcome, StaleObject } from "../driver/driver-client.js";
import { type Mounting, type MountingPod, mountRequest, podVolumePath } from "../driver/mount-request.js";
import type { Clock } from "../shared/clock.js";
import type { WrittenClass } from "./class-file.js";
import type { CommandIo } from "./command-io.js";
import { readToken } from "./read-text.js";
import type { MountArguments } from "./mount-arguments.js";
import { type MountedFile, mountedFiles } from "./mounted-files.js";
import { podToken, tokenClaims, type TokenSource, withUid } from "./pod-token.js";

/** One pod's volume, to be published as often as wanted. */
export interface Publishing {
  io: CommandIo;
  clock: Clock;
  tokenSource: TokenSource;
  args: MountArguments;
  written: WrittenClass;
  socketPath: string;
  client: DriverClient;
}

export type Refusal = Extract<MountOutcome, { ok: false }> & { withToken: boolean };
export type Mounted = { ok: true; files: MountedFile[]; pod: MountingPod; stale: readonly StaleObject[] };
export type Published = Mounted | Refusal;

/** What the driver does at NodePublishVolume, each time with a fresh token, as a kubelet brings one. */
export async function publishVolume(publishing: Publishing, signal: AbortSignal): Promise<Published> {
  const { args, written, client, clock } = publishing;
  const bearer = await bearerOf(publishing, signal);
  const parameters = Object.fromEntries([...written.parameters].map(([name, { text }]) => [name, text]));
  const request = mountRequest({
    ...bearer,
    parameters,
    // Classes of one pod are volumes of their own: one that took another's place would end its credentials.
    targetPath: podVolumePath(bearer.pod.uid, written.name || undefined),
    volumeAttributes: { secretProviderClass: written.name },
  });
  const outcome = await client.mount(request, signal);
  const withToken = bearer.tokens !== undefined;
  if (!outcome.ok) return { ...outcome, withToken };
  try {
    await writePayloads(args.out, outcome.files, clock, signal);
  } catch (error) {
    signal.throwIfAborted();
    const message = `the driver's way of writing fails: ${(error as Error).message}`;
    return { ok: false, code: "UNKNOWN", message, withToken };
  }
  return { ok: true, files: mountedFiles(outcome), pod: bearer.pod, stale: outcome.stale };
}

/** Who mounts, and what proves it. */
async function bearerOf(
  { args, written, socketPath, io, tokenSource, clock }: Publishing,
  signal: AbortSignal,
): Promise<Pick<Mounting, "pod" | "tokens">> {
  const fromFile = args.tokenFile === undefined ? undefined : await readToken(args.tokenFile, io);
  const fileClaims = tokenClaims(fromFile ?? "");
  const pod = withUid({ ...defaultPod(written.namespace), ...fileClaims.pod, ...args.pod });
  const audience = args.audience ?? fileClaims.audience ?? (written.parameters.get("audience")?.text || "vault");
  const jwt = fromFile ?? (await tokenSource({ pod, audience, socketPath }, signal));
  if (jwt === undefined) return { pod };
  return { pod, tokens: { [audience]: podToken(jwt, tokenClaims(jwt), clock.wall()) } };
}

function defaultPod(namespace = "default"): Omit<MountingPod, "uid"> & { uid?: string } {
  return { namespace, name: "web-0", serviceAccount: "default" };
}
