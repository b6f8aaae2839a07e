import type { OperatorConfig } from "../config/operator-config.js";
import { selectConnection } from "../config/select-connection.js";
import {
  type MountAttributes,
  type MountRequestOptions,
  readMountAttributes,
  readMountSpec,
} from "../mount/mount-request.js";
import type { MountSpec } from "../mount/mount-spec.js";
import type { RequestsInFlight } from "../mount/requests-in-flight.js";
import { type MountParts, type MountedVolume, mountVolume } from "../mount/mount-volume.js";
import { type TokenMinter, authenticatePod } from "../mount/authenticate-pod.js";
import { type MountSummary, summaryOfRequest, summaryOfVolume } from "../mount/mount-summary.js";
import type { Call } from "../rpc/unary.js";
import { ProviderError } from "../shared/errors.js";
import type { MountRequest, MountResponse } from "../wire/provider.js";
import { allow } from "./allow.js";
import type { MountEvent } from "./provider-event.js";

export interface MountServiceParts extends MountParts {
  operator: OperatorConfig;
  reading: MountRequestOptions;
  inFlight: RequestsInFlight;
  minter: TokenMinter | undefined;
  emit: (event: MountEvent) => void;
}

/**
 * A Mount from the driver's strings to its files: what is asked, of which connection, whether the operator lets this
 * pod, who it is, and only then what is held or had. Throws one `ProviderError`. What it has read of the request it
 * empties.
 */
export function mount(
  request: MountRequest,
  parts: MountServiceParts,
  signal: AbortSignal,
  left: AbortSignal,
): Call<MountResponse, MountSummary> {
  const summary: MountSummary = {};
  const learn = (more: MountSummary) => void Object.assign(summary, more);
  const response = readAndServe(request, parts, learn, signal, left).catch((reason: unknown) => {
    parts.emit({ kind: "mountFailed", targetPath: request.targetPath, error: ProviderError.from(reason) });
    throw reason;
  });
  return { response, summary: () => summary };
}

async function readAndServe(
  request: MountRequest,
  parts: MountServiceParts,
  learn: (more: MountSummary) => void,
  signal: AbortSignal,
  left: AbortSignal,
): Promise<MountResponse> {
  const spec = await read(request, parts, signal);
  const release = parts.inFlight.take(spec);
  try {
    return await serve(spec, parts, learn, signal, left);
  } finally {
    release();
  }
}

/** A class that was not read before is read in the turn of its namespace: a hostile one takes long. */
async function read(
  request: MountRequest,
  { reading, inFlight, scheduler }: MountServiceParts,
  signal: AbortSignal,
): Promise<MountSpec> {
  const attributes = attributesOf(request);
  if (!reading.classes.knows(attributes.parametersDigest)) {
    const release = inFlight.takeTexts(attributes);
    await scheduler.turn(attributes.pod.namespace).finally(release);
    signal.throwIfAborted();
  }
  return readMountSpec(attributes, reading);
}

/** The server keeps the request until it is answered, and texts of a stranger's are not kept for as long as Vault takes. */
function attributesOf(request: MountRequest): MountAttributes {
  try {
    return readMountAttributes(request);
  } finally {
    Object.assign(request, { attributes: "", secrets: "", permission: "", currentObjectVersion: [] });
  }
}

async function serve(
  spec: MountSpec,
  parts: MountServiceParts,
  learn: (more: MountSummary) => void,
  signal: AbortSignal,
  left: AbortSignal,
): Promise<MountResponse> {
  const connection = selectConnection(parts.operator, spec.class, spec.pod.namespace);
  learn({ request: summaryOfRequest(spec, connection) });
  allow(spec, connection);
  parts.emit({ kind: "classRead", spec, connection });
  const principal = await authenticatePod(spec, connection, { wall: parts.clock.wall(), minter: parts.minter }, signal);
  const volume = await mountVolume(spec, principal, parts, signal, left);
  learn({ volume: summaryOfVolume(volume) });
  parts.emit({ kind: "mounted", spec, volume });
  return responseOf(volume, spec.defaultMode);
}

function responseOf({ files, versions }: MountedVolume, defaultMode: number): MountResponse {
  return {
    objectVersion: [...versions],
    error: undefined,
    files: files.map(({ path, mode = defaultMode, contents }) => ({ path, mode, contents: contents.reveal() })),
  };
}
