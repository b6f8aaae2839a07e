import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Service } from "../../stack/service.js";
import { ReadWriteLock } from "./read-write-lock.js";

/** Ends and starts the run's programs for the tests, which are processes of their own, and locks the node for them. */
export async function startServiceController(
  socket: string,
  services: Readonly<Record<string, Pick<Service, "start" | "stop" | "crash">>>,
  signal: AbortSignal,
): Promise<() => void> {
  const lock = new ReadWriteLock();
  const server = createServer((question, answer) => {
    act(question, answer).catch((error: unknown) => answer.writeHead(500).end(String(error)));
  });
  async function act(question: IncomingMessage, answer: ServerResponse): Promise<void> {
    const [, what = "", name = ""] = (question.url ?? "").split("/");
    if (what === "lock") return holdLock(name === "alone", answer);
    const service = services[name];
    if (!service) throw new Error(`there is no ${name}`);
    if (what === "start") await service.start(signal);
    else if (what === "stop") await service.stop();
    else if (what === "crash") await service.crash();
    else throw new Error(`${name} cannot ${what}`);
    answer.end();
  }
  /** The lock lasts as long as the connection: a test process that dies gives it back. */
  async function holdLock(alone: boolean, answer: ServerResponse): Promise<void> {
    const end = await lock.take(alone);
    if (answer.destroyed) return end();
    answer.once("close", end);
    answer.flushHeaders();
  }
  server.listen(socket);
  await once(server, "listening");
  return () => {
    server.close();
    server.closeAllConnections();
  };
}

/** Its client in the test processes. */
export class ServiceController {
  constructor(readonly socket: string) {}

  /** Starts a program and resolves when it is ready; one that runs stays. */
  async start(service: string): Promise<void> {
    await this.#ask(`/start/${service}`);
  }

  /** Ends a program as a shutdown would. */
  async stop(service: string): Promise<void> {
    await this.#ask(`/stop/${service}`);
  }

  /** Ends a program as a crash would. */
  async crash(service: string): Promise<void> {
    await this.#ask(`/crash/${service}`);
  }

  /** Takes the lock, alone or beside others, and resolves with the function that releases it. */
  async lock(how: "alone" | "together"): Promise<() => void> {
    const call = request({ socketPath: this.socket, path: `/lock/${how}`, agent: false }).end();
    const [answer] = (await once(call, "response")) as [IncomingMessage];
    answer.on("error", () => undefined).resume();
    return () => call.destroy();
  }

  async #ask(path: string): Promise<void> {
    const call = request({ socketPath: this.socket, path, method: "POST", agent: false }).end();
    const [answer] = (await once(call, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of answer.setEncoding("utf8")) text += String(chunk);
    if (answer.statusCode !== 200) throw new Error(`${path}: ${text}`);
  }
}
