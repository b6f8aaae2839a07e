import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { createVaultClient } from "../src/vault/create-vault-client.js";
import { sampleConnection } from "../dev/testing/connection.js";
import { sampleLimits, testCredentials } from "../dev/testing/test-credentials.js";
import type { MountRequest } from "../src/wire/provider.js";
import { expectUntouchedPrototypes, wellKnown } from "./attributes.js";
import { HostileServer, type WireAnswer } from "./hostile-server.js";
import { FastForwardClock } from "./fast-forward-clock.js";
import { MountRoom, type Outcome } from "./mounting.js";
import { podVolume } from "./service-account-token.js";
import type { Target } from "./target.js";
import { bodies, hostileAnswer, intact } from "./wire-answers.js";

interface Case {
  /** Given in turn to logins, and to everything else; the last one again and again. */
  logins: WireAnswer[];
  reads: WireAnswer[];
}

const login = intact(bodies.login);
const read = intact(bodies.kv2);
const nothing: WireAnswer = { bytes: Buffer.from("HTTP/1.1 204 No Content\r\n\r\n"), then: "keep" };
const bomb: WireAnswer = { bytes: gzipAnswer(Buffer.alloc(20 << 20)), then: "keep" };

/** What Vault, or what stands in its place, may answer to the real client. */
export const vaultAnswersTarget: Target<Case> = {
  name: "vault-answers",
  cases: fc.record({
    logins: fc.oneof(
      { weight: 2, arbitrary: fc.constant<WireAnswer[]>([login]) },
      fc.array(hostileAnswer, { minLength: 1, maxLength: 2 }),
    ),
    reads: fc
      .tuple(fc.constantFrom<WireAnswer[][]>([], [read]), fc.array(hostileAnswer, { minLength: 1, maxLength: 3 }))
      .map(([good, bad]) => [...good, ...bad]),
  }),
  regressions: [
    { logins: [login], reads: [read] },
    { logins: [login], reads: [read, intact(bodies.leased), intact(bodies.kv1)] },
    { logins: [nothing], reads: [read] },
    { logins: [intact("{}")], reads: [read] },
    { logins: [login], reads: [nothing] },
    { logins: [login], reads: [bomb] },
    { logins: [login], reads: [intact({ data: { password: "x".repeat(8 << 20) } })] },
    { logins: [login], reads: [intact(bodies.dead, 403)] },
    { logins: [login], reads: [read, intact(bodies.errors, 403)] },
  ],
  async open() {
    const server = new HostileServer();
    const origin = await server.listen();
    const room = new MountRoom();
    return {
      async check({ logins, reads }) {
        let loginsSoFar = 0;
        let readsSoFar = 0;
        server.answer = (line) => {
          if (line.includes(" /v1/sys/health")) return intact({ cluster_id: "c" });
          return / \/v1\/auth\/[^ ]*\/login /.test(line)
            ? logins[Math.min(loginsSoFar++, logins.length - 1)]!
            : reads[Math.min(readsSoFar++, reads.length - 1)]!;
        };
        const pod = new HostedPod(origin, room);
        try {
          await pod.live();
        } finally {
          await pod.end();
        }
        expectUntouchedPrototypes();
      },
      close: () => server.close(),
    };
  },
};

const request: MountRequest = {
  attributes: JSON.stringify({
    ...wellKnown,
    objects:
      "- {objectName: key, secretPath: kv/app, secretKey: password}\n- {objectName: all, secretPath: kv/other, refreshInterval: 1m}",
  }),
  secrets: "",
  permission: "420",
  targetPath: podVolume,
  currentObjectVersion: [],
};

const tenMinutes = 600_000;
const timeoutMs = 15_000;

/** A volume's life on a node of its own: the real client, tokens and answers. */
class HostedPod {
  readonly #clock = new FastForwardClock();
  readonly #life = new AbortController();
  readonly #room: MountRoom;
  readonly #client;
  readonly #mount: (signal: AbortSignal) => Promise<Outcome>;

  constructor(origin: string, room: MountRoom) {
    const clock = this.#clock;
    const parts = { clock, random: Math.random, emit: room.emit };
    const client = createVaultClient(parts);
    const { source } = testCredentials({
      client,
      clock,
      random: Math.random,
      limits: sampleLimits({ volumes: 10, bytes: 1 << 20 }),
      emit: room.emit,
      lifetime: this.#life.signal,
    });
    const connection = sampleConnection({
      addresses: [{ origin }],
      limits: { inFlight: 16, logins: 8, requestTimeoutMs: 100, connectTimeoutMs: 100, maxAnswerBytes: 256 << 10 },
    });
    this.#room = room;
    this.#client = client;
    this.#mount = (signal) => this.#room.mount(request, { answers: source, connection, clock }, signal);
  }

  /** A first Mount and two republishes, everything due at each. */
  async live(): Promise<void> {
    for (let n = 0; n < 3; n += 1) {
      const outcome = await this.#inTime();
      if (outcome.ok) expectNoEmptyVolume(outcome);
      this.#clock.skip(tenMinutes);
    }
  }

  async end(): Promise<void> {
    this.#life.abort(new Error("the case is over"));
    await this.#client.close();
  }

  async #inTime(): Promise<Outcome> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      const outcome = await this.#mount(late.signal);
      late.signal.throwIfAborted();
      return outcome;
    } finally {
      clearTimeout(timer);
    }
  }
}

function expectNoEmptyVolume({ response: { files, objectVersion } }: Outcome & { ok: true }): void {
  if (files.length !== 2 || objectVersion.length !== 2) throw new Error(`two objects gave ${files.length} files`);
}

function gzipAnswer(content: Buffer): Buffer {
  const body = gzipSync(content);
  const head = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}
