import { status } from "@grpc/grpc-js";

/** After these a kubelet keeps the volume's directory and may take it for mounted (kubelet csi_client.go isFinalError). */
const notFinal: readonly status[] = [
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.UNAVAILABLE,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
];

export function expectFinal(code: status): void {
  if (notFinal.includes(code)) throw new Error(`${status[code]} is not final to a kubelet`);
}
