import {
  type CSIDriverProviderServer,
  type MountRequest,
  type MountResponse,
  type VersionResponse,
} from "../wire/provider.js";
import type { MountSummary, VolumeSummary } from "../mount/mount-summary.js";
import { type StaleObject, staleTrailer } from "../wire/stale-trailer.js";
import type { RpcEvent } from "./rpc-event.js";
import { type Call, type Edge, unary } from "./unary.js";

/** The version of the protocol, which the driver also sends (driver 1.6.0 provider_client.go). */
const protocolVersion = "v1alpha1";

const runtimeName = "keymount";

/** What a provider does for the driver. Mount gives every file or throws one `ProviderError`. */
export interface ProviderService {
  version(): VersionResponse;
  /** `left` aborts when the answer has been sent, or its caller is gone. */
  mount(request: MountRequest, signal: AbortSignal, left: AbortSignal): Call<MountResponse, MountSummary>;
}

/** Answers Version from what is known at start; the driver gives it five seconds, and Vault may be down. */
export function versionResponse(runtimeVersion: string): VersionResponse {
  return { version: protocolVersion, runtimeName, runtimeVersion };
}

export function providerHandlers(
  service: ProviderService,
  edge: Edge,
  emit: (event: RpcEvent) => void,
): CSIDriverProviderServer {
  const version = (): Call<VersionResponse, undefined> => ({
    response: Promise.resolve(service.version()),
    summary: () => undefined,
  });
  return {
    version: unary(version, edge, (end) => emit({ kind: "versionCalled", ...end })),
    mount: unary(
      (request: MountRequest, signal, left) => service.mount(request, signal, left),
      edge,
      (end) => emit({ kind: "mountCalled", ...end }),
      ({ volume }) => staleTrailer(staleOf(volume?.stale ?? [])),
    ),
  };
}

function staleOf(stale: VolumeSummary["stale"]): StaleObject[] {
  return stale.map(({ objectName, error: { code, message } }) => ({ object: objectName, code, message }));
}
