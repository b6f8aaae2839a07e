import { request } from "node:http";
import { expect } from "vitest";
import type { Data } from "../../vault/answer.js";

export interface Question {
  readonly token?: string;
  readonly body?: unknown;
  /** Sent as it is, instead of a body. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface VaultResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** `undefined` where there is no JSON. */
  readonly json: Envelope | undefined;
}

/** The parts of Vault's JSON that a test looks into. */
export interface Envelope extends Data {
  readonly lease_id: string;
  readonly lease_duration: number;
  readonly data: Data & { readonly data?: unknown; readonly keys?: string[] };
  readonly auth: { client_token: string; accessor: string; lease_duration: number } | null;
  readonly wrap_info: { token: string } | null;
}

/** Asks a Vault over plain HTTP, by no library that would smooth anything over. */
export function ask(address: string, method: string, path: string, question: Question = {}): Promise<VaultResponse> {
  const { token, body, raw, headers } = question;
  const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${address}/v1/${path}`,
      {
        method,
        agent: false,
        headers: {
          ...(token && { "x-vault-token": token }),
          ...(sent !== undefined && { "content-length": Buffer.byteLength(sent) }),
          ...headers,
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          const isJson = incoming.headers["content-type"] === "application/json" && text !== "";
          const json = isJson ? (JSON.parse(text) as Envelope) : undefined;
          resolve({ status: incoming.statusCode!, headers: incoming.headers, text, json });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(sent);
  });
}

export const aTime = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/) as string;
export const anAccessor = expect.stringMatching(/^[A-Za-z0-9]{24}$/) as string;
export const aUuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) as string;
/** So many seconds, less what a slow machine needed to ask. */
export const secondsLeft = (of: number) =>
  expect.toSatisfy((left) => typeof left === "number" && left <= of && left > of - 10) as number;
/** What Vault warns about when it grants less than was asked: `left` says how long that is, in Go's notation. */
export const cappedWarning = (asked: string, left: RegExp) =>
  expect.stringMatching(
    `^TTL of "${asked}" exceeded the effective max_ttl of "(${left.source})"; TTL value is capped accordingly$`,
  ) as string;
export const aNumber = expect.any(Number) as number;

/** A 204: no body, no length, and still a content type. */
export function expectNothing(response: VaultResponse): void {
  expect(response).toMatchObject({ status: 204, text: "" });
  expect(response.headers["content-type"]).toBe("application/json");
  expect(response.headers["content-length"]).toBeUndefined();
}

/** Status and whole body, no field more and none less. */
export function expectAnswer(response: VaultResponse, expected: { status: number; json: Data }): void {
  expect({ status: response.status, json: response.json }).toEqual(expected);
}

export function expectRefusal(response: VaultResponse, status: number, ...errors: string[]): void {
  // As Go writes it.
  const text = JSON.stringify({ errors }).replace(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
  expect({ status: response.status, text: response.text }).toEqual({ status, text: `${text}\n` });
}

export const denied = "1 error occurred:\n\t* permission denied\n\n";
