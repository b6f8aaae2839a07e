import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { makeIdentity } from "../../../dev/testing/certificates.js";
import type { VaultAccess } from "../../stack/vault-api.js";
import { addresses } from "./addresses.js";

/** The fault of a request: an answer that is not Vault's, a delay before Vault's answer, or no answer. */
export type Fault = { readonly status: number } | { readonly delayMs: number } | "cut";

export interface FaultyProxy {
  readonly addresses: readonly string[];
  /** PEM. */
  readonly ca: string;
  /** From now on; without, Vault's answers come through. */
  readonly fault: (fault?: Fault) => void;
  /** From the first request on that is for a pod without a request before. */
  readonly faultFromNextPod: (fault: Fault) => void;
  /** How many requests for the pod of that name met a fault. */
  readonly met: (pod: string) => number;
  readonly stop: () => void;
}

/** Stands before Vault, with TLS by a CA of its own, where pods reach it. */
export async function startFaultyProxy(vault: VaultAccess): Promise<FaultyProxy> {
  const identity = makeIdentity({ commonName: randomUUID(), names: [addresses.node], isCa: true });
  let now: Fault | undefined;
  let next: Fault | undefined;
  const seen = new Set<string>();
  const met: string[] = [];
  const server = createServer(identity, (question, answer) => {
    serve(question, answer).catch(() => answer.destroy());
  });
  function begin(pod: string): void {
    if (next && !seen.has(pod)) {
      now = next;
      next = undefined;
    }
    seen.add(pod);
  }
  async function serve(question: IncomingMessage, answer: ServerResponse): Promise<void> {
    const pod = question.headers["x-keymount-pod"];
    if (pod !== undefined) begin(String(pod));
    if (now) met.push(String(pod));
    if (now === "cut") throw new Error("cut");
    if (now && "status" in now)
      return void answer.writeHead(now.status).end(JSON.stringify({ errors: ["by the test"] }));
    if (now) await sleep(now.delayMs, undefined, { ref: false });
    forward(question, answer, vault);
  }
  server.listen(0, addresses.node);
  await once(server, "listening");
  return {
    addresses: [`https://${addresses.node}:${(server.address() as AddressInfo).port}`],
    ca: identity.cert,
    fault: (fault) => (now = fault),
    faultFromNextPod: (fault) => (next = fault),
    met: (pod) => met.filter((who) => who.split("/")[1] === pod).length,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function forward(question: IncomingMessage, answer: ServerResponse, { address, ca }: VaultAccess): void {
  const url = new URL(question.url ?? "/", address);
  const headers = { ...question.headers, host: url.host };
  const call = request(url, { method: question.method, headers, agent: false, ca }, (own) => {
    answer.writeHead(own.statusCode ?? 502, own.headers);
    own.pipe(answer);
  });
  call.on("error", () => answer.destroy());
  question.pipe(call);
}
