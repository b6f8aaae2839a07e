import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { ServiceAccountIssuer } from "../vault/service-account-issuer.js";

/** The one answer of an API server that Vault's kubernetes auth needs: TokenReview, by this issuer's judgement. */
export class TokenReviewServer {
  readonly #issuer: ServiceAccountIssuer;
  #server: Server | undefined;
  #port = 0;

  constructor(issuer: ServiceAccountIssuer) {
    this.#issuer = issuer;
  }

  get address(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens; again on the same port after a `stop`. */
  async start(): Promise<void> {
    if (this.#server) return;
    this.#server = createServer((request, response) => {
      void bodyOf(request).then((review) => {
        response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify(this.#answer(review)));
      });
    });
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  #answer(review: Review): unknown {
    const { token, audiences = [] } = review.spec;
    const judged = this.#issuer.review(token, audiences);
    const { username, uid } = judged;
    const status = judged.authenticated
      ? {
          authenticated: true,
          user: { username, uid, groups: ["system:serviceaccounts"] },
          audiences: judged.audiences,
        }
      : { authenticated: false, error: "[invalid bearer token]" };
    return { ...review, kind: "TokenReview", apiVersion: "authentication.k8s.io/v1", status };
  }
}

interface Review {
  readonly spec: { readonly token: string; readonly audiences?: readonly string[] };
}

async function bodyOf(request: IncomingMessage): Promise<Review> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString()) as Review;
}
