import {
  type CSIDriverProviderServer,
  type MountRequest,
  type MountResponse,
  type VersionResponse,
} from "../wire/provider.js";
import { type CallContext, type Edge, unary } from "./unary.js";

/** The version of the protocol, which the driver also sends (driver 1.6.0 provider_client.go). */
const protocolVersion = "v1alpha1";

const runtimeName = "keymount";

/** What a provider does for the driver. Mount gives every file or throws one `ProviderError`. */
export interface ProviderService {
  version(): VersionResponse;
  mount(request: MountRequest, signal: AbortSignal, call: CallContext): Promise<MountResponse>;
}

/** Answers Version from what is known at start; the driver gives it five seconds, and Vault may be down. */
export function versionResponse(runtimeVersion: string): VersionResponse {
  return { version: protocolVersion, runtimeName, runtimeVersion };
}

export function providerHandlers(service: ProviderService, edge: Edge): CSIDriverProviderServer {
  return {
    version: unary("Version", async () => service.version(), edge),
    mount: unary("Mount", (request: MountRequest, signal, call) => service.mount(request, signal, call), edge),
  };
}
