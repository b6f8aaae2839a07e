import { setMaxListeners } from "node:events";
import fc from "fast-check";
import type { Renderer } from "../src/mount/ports.js";
import { sampleConnection } from "../dev/testing/connection.js";
import { oneByteChunks } from "../dev/testing/one-byte-chunks.js";
import { sampleLimits, testCredentials } from "../dev/testing/test-credentials.js";
import { createVaultClient } from "../src/vault/create-vault-client.js";
import { systemClock } from "../src/shared/clock.js";
import type { MountRequest } from "../src/wire/provider.js";
import { wellKnown } from "./attributes.js";
import { type Amount, type HostileAnswer, answerShapes, classShapes, forms } from "./cost-shapes.js";
import { HeldSecrets } from "./held-secrets.js";
import { HostileServer, type WireAnswer } from "./hostile-server.js";
import { FastForwardClock } from "./fast-forward-clock.js";
import { type Cost, costOf } from "./loop-watch.js";
import { MountRoom } from "./mounting.js";
import { podVolume } from "./service-account-token.js";
import type { Target } from "./target.js";
import { bodies, intact } from "./wire-answers.js";

/** A class, or an answer of Vault's and what is made of it. */
type Case = Amount & ({ class: string } | { answer: string; form: string });

/** Milliseconds in which no other request is served. */
const mostBlockedMs = 100;

/** More heap than this would make the input an amplifier. The constant covers uncollected garbage and two answers to the driver. */
const mostGrownBytes = (inputBytes: number) => 16 * inputBytes + (64 << 20);

/** Characters of the log for one Mount. */
const mostLogged = 64 << 10;

const unit = fc.constantFrom(
  ...[
    "a",
    "<",
    "'",
    '"',
    "\\",
    " ",
    "\n",
    "\t",
    "\r\n",
    " \n",
    "\u00e9",
    "\u2028",
    "\u202e",
    "\u0001",
    "\u007f",
    "0",
    "9",
    "-",
    "/",
    "a/",
    "a ",
    "*",
    "*a",
  ],
  ...[
    ",",
    ":",
    "#",
    "{{",
    "}}",
    "{{x}}",
    "[",
    "{",
    "&a ",
    "*a ",
    "- ",
    "? ",
    "!",
    "%",
    "=",
    "~1",
    "%41",
    "&a=b",
    "1h",
    'claim "',
    "eyJ",
    "hvs.",
    "AAAA",
  ],
  ...["-----BEGIN CERTIFICATE-----\n", "-----BEGIN ", "1 error occurred:\n\t* ", "x: y\n", "\\u0041", "\u{1f600}"],
);

/** Small ones as often as large ones. */
const upTo = (powers: number) =>
  fc.tuple(fc.nat(powers - 1), fc.nat(1_000)).map(([power, part]) => Math.floor(2 ** power * (1 + part / 1_000)));

/** Past what is read of a class (`objects` of 64 KiB, attributes of 256 KiB), and what a connection takes of an answer. */
const [classPowers, answerPowers, countPowers] = [18, 22, 14];

const cases: fc.Arbitrary<Case> = fc.oneof(
  fc.record({
    class: fc.constantFrom(...Object.keys(classShapes)),
    size: upTo(classPowers),
    count: upTo(countPowers),
    unit,
  }),
  fc.record({
    answer: fc.constantFrom(...Object.keys(answerShapes)),
    form: fc.constantFrom(...Object.keys(forms)),
    size: upTo(answerPowers),
    count: upTo(countPowers),
    unit,
  }),
);

/** Each once stopped the node: issue 11, B and E. */
const regressions: Case[] = [
  { class: "aliases", size: 30_000, count: 4_000, unit: "a" },
  { class: "aliasesOfNumbers", size: 20_000, count: 3_000, unit: "f" },
  { class: "aliasesOfNumbersInKeys", size: 30_000, count: 2_000, unit: "f" },
  { class: "unknownParameters", size: 200_000, count: 3_000, unit: "a" },
  { class: "unknownFields", size: 50_000, count: 800, unit: "a" },
  { class: "folders", size: 60_000, count: 100, unit: "a" },
  { answer: "longName", form: "globs", size: 500_000, count: 1, unit: "a" },
  { answer: "names", form: "deepFolder", size: 1, count: 1_000, unit: "a" },
  { answer: "listing", form: "recursive", size: 1, count: 100, unit: "a" },
  { answer: "listing", form: "recursive", size: 1, count: 10_000, unit: "a" },
  { answer: "listing", form: "recursive", size: 80_000, count: 99, unit: "/" },
  { answer: "pemSpaces", form: "pem", size: 100_000, count: 1, unit: " " },
  { answer: "value", form: "env", size: 2 << 20, count: 1, unit: "'" },
  { answer: "value", form: "sources", size: 4_000_000, count: 1, unit: "<" },
  { answer: "errors 400", form: "value", size: 4_000_000, count: 4_000, unit: " " },
  { answer: "login errors 400", form: "value", size: 280_000, count: 1, unit: 'claim "' },
  { answer: "allowedNumbers", form: "hundred", size: 1, count: 10_000, unit: "1" },
  { answer: "value", form: "hundred", size: 1_000_000, count: 1, unit: "a" },
  { answer: "inBytes", form: "value", size: 1 << 20, count: 1, unit: "a" },
  { answer: "values", form: "hundredOfOne", size: 3_840_000, count: 5, unit: " " },
  { answer: "values", form: "hundred", size: 4_181_721, count: 32, unit: "eyJ" },
  { answer: "chain", form: "pem-bundle", size: 1, count: 2_500, unit: "a" },
  { answer: "value", form: "base64", size: 4_000_000, count: 1, unit: "a " },
];

/**
 * What strangers' input costs: what it keeps the event loop from, and what it takes of memory. Templates are rendered in a
 * process of their own; here they are jobs only.
 */
export const costTarget: Target<Case> = {
  name: "cost",
  cases,
  regressions,
  // Forty times the largest input, and 80 that the targets have anyway.
  heapMb: 256,
  cpuLimitMs: 20_000,
  async open() {
    const server = new HostileServer();
    const origin = await server.listen();
    return {
      async check(tried) {
        const run = "class" in tried ? classCase(tried) : answerCase(tried, server, origin);
        let bytes = 0;
        const act = async () => void (bytes = await run());
        const isTooMuch = ({ blockedMs, grownBytes }: Cost) =>
          blockedMs > mostBlockedMs || grownBytes > mostGrownBytes(bytes);
        let best = await costOf(act);
        // The first run is also that of V8's compilers.
        for (let again = 0; again < 2 && isTooMuch(best); again += 1) best = lesser(best, await costOf(act));
        const { blockedMs, grownBytes } = best;
        if (blockedMs > mostBlockedMs)
          throw new Error(`${bytes} bytes of input kept all others waiting for ${Math.round(blockedMs)} ms`);
        if (grownBytes > mostGrownBytes(bytes))
          throw new Error(
            `${bytes} bytes of input took ${grownBytes} bytes, ${Math.round(grownBytes / bytes)} times as much`,
          );
      },
      close: () => server.close(),
    };
  },
};

function lesser(one: Cost, other: Cost): Cost {
  return {
    blockedMs: Math.min(one.blockedMs, other.blockedMs),
    grownBytes: Math.min(one.grownBytes, other.grownBytes),
  };
}

/** One Mount, again and again; gives the bytes of the hostile input. */
type Run = () => Promise<number>;

const mountRequest: MountRequest = {
  attributes: JSON.stringify(wellKnown),
  secrets: "",
  permission: "420",
  targetPath: podVolume,
  currentObjectVersion: [],
};

function classCase(tried: Case & { class: string }): Run {
  const request = { ...mountRequest, ...classShapes[tried.class]!(tried) };
  const bytes = Buffer.byteLength(JSON.stringify(request));
  return async () => {
    await mounted(request, { answers: new HeldSecrets(), connection: sampleConnection(), clock: systemClock });
    return bytes;
  };
}

/** A node's, without settings (src/config/configuration-file.ts): what is held counts as little as there. */
const nodeLimits = { bytes: 16 << 20, inFlightBytes: 20 << 20 };

const login = intact(bodies.login);
const health = intact({ cluster_id: "c" });

function answerCase(tried: Case & { answer: string; form: string }, server: HostileServer, origin: string): Run {
  const answer = answerShapes[tried.answer]!(tried);
  const hostile = wireAnswerOf(answer);
  const good = answer.toLogin ? intact(bodies.kv2) : login;
  const request = {
    ...mountRequest,
    attributes: JSON.stringify({ ...wellKnown, objects: forms[tried.form] }),
  };
  return async () => {
    let sent = Buffer.byteLength(request.attributes);
    server.answer = (line) => {
      if (line.includes(" /v1/sys/health")) return health;
      const isLogin = / \/v1\/auth\/[^ ]*\/login /.test(line);
      if (isLogin !== (answer.toLogin === true)) return good;
      sent += hostile.bytes.length;
      return hostile;
    };
    const life = new AbortController();
    setMaxListeners(0, life.signal); // As in the daemon: everything that is released listens to it.
    const clock = new FastForwardClock();
    const client = createVaultClient({ clock, random: () => 0.5, emit: new MountRoom(lookAtLength).emit });
    const { source } = testCredentials({ client, clock, lifetime: life.signal, limits: sampleLimits(nodeLimits) });
    try {
      await mounted(request, { answers: source, connection: sampleConnection({ addresses: [{ origin }] }), clock });
    } finally {
      life.abort(new Error("the case is over"));
      await client.close();
    }
    return sent;
  };
}

function wireAnswerOf({ body, status = 200, inBytes = false }: HostileAnswer): WireAnswer {
  if (!inBytes) return intact(body, status);
  const head = Buffer.from(`HTTP/1.1 ${status} OK\r\nTransfer-Encoding: chunked\r\n\r\n`);
  return {
    bytes: Buffer.concat([head, oneByteChunks(Buffer.from(body))]),
    then: "keep",
  };
}

/** One Mount from the driver's strings to the files or the refusal, its texts and its log. */
async function mounted(request: MountRequest, mounting: Parameters<MountRoom["mount"]>[1]): Promise<void> {
  const { signal } = new AbortController();
  setMaxListeners(0, signal); // As the server's calls: each of a class's objects listens.
  await new MountRoom(lookAtLength).mount(request, { ...mounting, renderer: idleRenderer }, signal);
}

function lookAtLength(where: string, text: string): void {
  if (where === "the log" && text.length > mostLogged) throw new Error(`the log has ${text.length} characters`);
}

const idleRenderer: Renderer = { render: () => Promise.resolve(Buffer.alloc(0)) };
