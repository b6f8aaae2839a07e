import http from "node:http";
import { serveHttp, type TestServer } from "./http-server.js";

export interface PrefixProxy extends TestServer {
  /** What was asked outside the prefix, as `METHOD path`; the answer is 404. */
  strays: string[];
}

/** A proxy that serves `upstream` below `prefix` (`/vault`), which it removes from the path, and nothing else. */
export async function startPrefixProxy(upstream: string, prefix: string): Promise<PrefixProxy> {
  const strays: string[] = [];
  const server = await serveHttp((request, response) => {
    const { method = "", url = "", headers, text } = request;
    if (!url.startsWith(`${prefix}/`)) {
      strays.push(`${method} ${url}`);
      return void response.writeHead(404, { "Content-Type": "text/html" }).end("<html>no such page</html>");
    }
    const onward = http.request(`${upstream}${url.slice(prefix.length)}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    onward.end(text);
  });
  return { ...server, strays };
}
