import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from "node:crypto";
import type { Clock } from "../../src/shared/clock.js";
import type { Data } from "./answer.js";
import { toSeconds } from "./go-time.js";
import { uuidOf } from "./identifiers.js";
import { audiencesOf, isSignedBy, parseJsonWebToken, signJsonWebToken } from "./json-web-token.js";

export interface ServiceAccountTokenOptions {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Its uid; without it, one made from the name, always the same. */
  readonly serviceAccountUid?: string;
  /** Leave out for a token that is bound to no pod. */
  readonly pod?: { readonly name: string; readonly uid: string };
  readonly audiences: readonly string[];
  /** Life in seconds; an hour unless said. */
  readonly seconds?: number;
}

export interface TokenReview {
  readonly authenticated: boolean;
  readonly username: string;
  readonly uid: string;
  readonly audiences: readonly string[];
}

/** Plays the API server: signs service account tokens, and reviews them. */
export class ServiceAccountIssuer {
  readonly publicKeyPem: string;
  readonly #key: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #keyId = randomUUID();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    this.#publicKey = createPublicKey(this.#key);
    this.publicKeyPem = this.#publicKey.export({ type: "spki", format: "pem" }).toString();
  }

  /** Claims as Kubernetes 1.34 writes them (pkg/serviceaccount/claims.go). */
  claims(options: ServiceAccountTokenOptions): Data {
    const now = toSeconds(this.#clock.wall());
    const life = options.seconds ?? 3_600;
    return {
      aud: options.audiences,
      exp: now + life,
      iat: now,
      iss: "https://kubernetes.default.svc.cluster.local",
      jti: randomUUID(),
      "kubernetes.io": {
        namespace: options.namespace,
        ...(options.pod && { node: { name: "node1", uid: uuidOf("node1") }, pod: options.pod }),
        serviceaccount: {
          name: options.serviceAccount,
          uid: options.serviceAccountUid ?? uuidOf(`${options.namespace}/${options.serviceAccount}`),
        },
      },
      nbf: now,
      sub: `system:serviceaccount:${options.namespace}:${options.serviceAccount}`,
    };
  }

  mint(options: ServiceAccountTokenOptions): string {
    return this.sign(this.claims(options));
  }

  /** Signs any claims. */
  sign(claims: Data): string {
    return signJsonWebToken(claims, this.#key, this.#keyId);
  }

  /** As the API server's TokenReview: its own signature, still valid, for one of the audiences. */
  review(jwt: string, audiences: readonly string[]): TokenReview {
    const token = parseJsonWebToken(jwt);
    const { claims } = token;
    const account = (claims["kubernetes.io"] as { serviceaccount?: { uid?: string } } | undefined)?.serviceaccount;
    const shared = audiencesOf(claims).filter((audience) => audiences.length === 0 || audiences.includes(audience));
    const authenticated =
      isSignedBy(token, [this.#publicKey]) && Number(claims["exp"]) > this.#clock.wall() / 1_000 && shared.length > 0;
    return { authenticated, username: String(claims["sub"]), uid: account?.uid ?? "", audiences: shared };
  }
}
