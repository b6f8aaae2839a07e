import { ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";
import { madeFinal } from "./status.js";

/**
 * The last door: also what grpc-js answers by itself, past our handlers, leaves with a final code. It sends those through
 * the innermost call's own `sendStatus` (grpc-js 1.14 server-interceptors.js), so that is where the door stands.
 */
export const finalCodes: ServerInterceptor = (_method, call) => {
  const send = call.sendStatus.bind(call);
  call.sendStatus = (status) => send(madeFinal(status));
  return new ServerInterceptingCall(call);
};
