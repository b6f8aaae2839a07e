import { EventEmitter, once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { oneByteChunks } from "../../dev/testing/one-byte-chunks.js";
import type { Misanswer, StandingFaults } from "./fault.js";

/**
 * A process of its own: a reverse proxy before the Vault that its argument names, until its parent leaves. It says
 * `{address}` once it listens, and takes `{id, standing}`, which it answers with `{id, met}` once they stand: how many
 * requests met the faults before.
 */
const vault = new URL(process.argv[2]!);
const agent = new Agent({ keepAlive: true });
let standing: StandingFaults = { namespace: "", faults: [] };
let met = 0;
const changes = new EventEmitter().setMaxListeners(0);
/** What waits for it is answered by Vault then: a row's end does not wait for its requests to time out. */
const planChanged = () => once(changes, "change");

const server = createServer((incoming, outgoing) => {
  const how = misanswerTo(incoming);
  if (!how) return forward(incoming, outgoing);
  met += 1;
  void misanswer(how, incoming, outgoing);
});
server.on("connection", (socket: Socket) => socket.on("error", () => socket.destroy()));
server.on("clientError", (_error, socket) => socket.destroy());
server.listen(0, "127.0.0.1", () => {
  process.send!({ address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.on("message", (told: { id: number; standing: StandingFaults }) => {
  ({ standing } = told);
  changes.emit("change");
  process.send!({ id: told.id, met });
  met = 0;
});
process.once("disconnect", () => process.exit());

function misanswerTo({ url = "", headers }: IncomingMessage): Misanswer | undefined {
  const pod = String(headers["x-keymount-pod"]);
  if (!pod.startsWith(`${standing.namespace}/`)) return undefined;
  const path = url.replace(/^\/v1\//, "");
  const fits = standing.faults.find(
    (fault) =>
      path.startsWith(fault.path) &&
      (fault.vaultNamespace === undefined || headers["x-vault-namespace"] === fault.vaultNamespace),
  );
  return fits?.how;
}

async function misanswer(how: Misanswer, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { socket } = incoming;
  switch (how.kind) {
    case "hang":
      await planChanged();
      return forward(incoming, outgoing);
    case "reset":
      socket.resetAndDestroy();
      return;
    case "late":
      await Promise.race([sleep(how.ms), planChanged()]);
      return forward(incoming, outgoing);
    case "answer":
      outgoing.writeHead(how.status, { ...how.headers, "content-length": Buffer.byteLength(how.body) });
      outgoing.end(how.body);
      return;
    case "one-byte chunks":
      socket.write(chunksOf(how.body));
      return;
    case "endless 103":
      return hintForEver(socket);
  }
}

function chunksOf(body: string): Buffer {
  const head = Buffer.from("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
  return Buffer.concat([head, oneByteChunks(Buffer.from(body))]);
}

const hints = Buffer.from("HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n".repeat(1_000));

function hintForEver(socket: Socket): void {
  const write = () => {
    while (!socket.destroyed && socket.write(hints));
  };
  socket.on("drain", write);
  write();
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, url, headers } = incoming;
  const onward = request({ host: vault.hostname, port: vault.port, method, path: url, headers, agent }, (answer) => {
    outgoing.writeHead(answer.statusCode!, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on("error", () => outgoing.destroy());
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) onward.destroy();
  });
  incoming.pipe(onward);
}
