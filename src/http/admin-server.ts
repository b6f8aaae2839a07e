import { type Server, type ServerResponse, createServer } from "node:http";
import type { CredentialInfo, RevokedAll } from "../shared/credential-info.js";

export interface AdminPages {
  leases: () => readonly CredentialInfo[];
  revokeAll: () => Promise<RevokedAll>;
}

/**
 * Answers the administrative commands on the socket that is the lock of the state directory. Only keymount's own user
 * can reach it. The server does not listen yet.
 */
export function createAdminServer(pages: AdminPages): Server {
  const server = createServer({ maxHeaderSize: 4_096, requestTimeout: 5_000 }, (request, response) => {
    const route = `${request.method} ${request.url}`;
    if (route === "GET /v1/leases") answer(response, 200, pages.leases());
    else if (route === "POST /v1/revoke-all") {
      pages.revokeAll().then(
        (outcome) => answer(response, 200, outcome),
        () => answer(response, 500, { error: "revoking failed; see the log" }),
      );
    } else answer(response, 404, { error: "there is no such page" });
    request.resume();
  });
  server.maxConnections = 16;
  return server;
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify(body));
}
