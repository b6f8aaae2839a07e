import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type Clock, systemClock } from "../../src/shared/clock.js";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { KubeClient } from "../../src/kube/kube-client.js";
import { makeIdentity } from "./certificates.js";
import { type Handler, serveHttp } from "./http-server.js";

export interface ApiCall {
  method: string;
  path: string;
  authorization: string;
  body: unknown;
}

/** What the fake API server answers with; text goes out as it is. */
export interface ApiAnswer {
  status: number;
  body: object | string;
  /** The answer goes on: no more is sent, and it is not ended. */
  open?: boolean;
  /** The connection breaks after that. */
  cut?: boolean;
  /** So many interim answers (103) come first. */
  interim?: number;
  /** The body, which is a text, comes a byte at a time. */
  crumbs?: boolean;
}

const identity = { cert: "", key: "" };

/** An API server over TLS with configured answers, and the client of a pod that trusts it. Both end with the test. */
export async function startKubernetesApi(
  answer: (call: ApiCall) => ApiAnswer | "hang",
  options: { clock?: Clock; timeoutMs?: number; maxBytes?: number } = {},
) {
  if (identity.cert === "")
    Object.assign(identity, makeIdentity({ commonName: "kubernetes", names: ["127.0.0.1"], isCa: true }));
  const calls: ApiCall[] = [];
  const handler: Handler = ({ method = "", url = "", headers, text }, response) => {
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    const call = { method, path: url, authorization: headers.authorization ?? "", body };
    calls.push(call);
    const given = answer(call);
    if (given === "hang") return;
    for (let n = 0; n < (given.interim ?? 0); n++) response.writeEarlyHints({ link: "</a>; rel=preload" });
    response.writeHead(given.status, { "content-type": "application/json" });
    const written = typeof given.body === "string" ? given.body : JSON.stringify(given.body);
    if (given.crumbs) for (const byte of Buffer.from(written)) response.write(Buffer.of(byte));
    if (given.crumbs) response.end();
    else if (given.cut) response.write(written, () => response.destroy());
    else if (given.open) response.write(written);
    else response.end(written);
  };
  const server = await serveHttp(handler, { tls: identity });
  const directory = await mkdtemp(join(tmpdir(), "km-"));
  await writeFile(join(directory, "ca.crt"), identity.cert);
  await writeFile(join(directory, "token"), "own-token\n");
  await writeFile(join(directory, "namespace"), "keymount");
  const client = new KubeClient({
    api: { host: "127.0.0.1", port: server.port },
    directory,
    clock: systemClock,
    ...options,
  });
  onTestFinished(async () => {
    client.close();
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });
  return { client, calls, directory, port: server.port };
}

/** A refusal as the API server writes it, with a message that must not be repeated. */
export function refusal(status: number, reason: string): ApiAnswer {
  return { status, body: { kind: "Status", status: "Failure", reason, code: status, message: "canary-message" } };
}
