import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { Clock } from "../../src/shared/clock.js";
import { type Answer, badRequest, type Data, missing, nothing, Refusal } from "./answer.js";
import type { Engine, EngineRequest } from "./engine.js";
import { text, whole } from "./fields.js";
import { toSeconds } from "./go-time.js";
import { listBelow } from "./key-tree.js";
import { Routes } from "./routes.js";

interface KeyVersion {
  readonly key: Buffer;
  readonly madeAt: number;
}

const ivBytes = 12;
const tagBytes = 16;

/** Secrets engine `transit`, with keys of type `aes256-gcm96`. */
export class Transit implements Engine {
  readonly type = "transit";
  readonly #clock: Clock;
  /** The versions of each key, the first at 0. */
  readonly #keys = new Map<string, KeyVersion[]>();
  readonly #routes = new Routes()
    .on("keys", { list: () => listBelow(this.#keys.keys(), "") })
    .on("keys/:name", {
      read: (_, name) => ({ data: this.#describe(name) }),
      update: ({ body }, name) => this.#create(name, body),
      delete: (_, name) => (this.#keys.delete(name), nothing),
    })
    .on("keys/:name/rotate", { update: (_, name) => this.#rotate(name) })
    .on("encrypt/:name", {
      update: ({ body }, name) => {
        if (!this.#keys.has(name)) this.#addVersion(name);
        return each(body, "plaintext", (item) => this.#encrypt(name, item));
      },
    })
    .on("decrypt/:name", {
      update: ({ body }, name) => each(body, "ciphertext", (item) => this.#decrypt(name, item)),
    });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  handle(request: EngineRequest): Answer | Promise<Answer> {
    return this.#routes.handle(request);
  }

  #create(name: string, body: Data): Answer {
    const type = text(body, "type") || "aes256-gcm96";
    if (type !== "aes256-gcm96") throw badRequest(`unknown key type ${type}`);
    if (!this.#keys.has(name)) this.#addVersion(name);
    return { data: this.#describe(name) };
  }

  #rotate(name: string): Answer {
    if (!this.#keys.has(name)) throw badRequest("key not found");
    this.#addVersion(name);
    return { data: this.#describe(name) };
  }

  #addVersion(name: string): void {
    const versions = this.#keys.get(name) ?? [];
    this.#keys.set(name, [...versions, { key: randomBytes(32), madeAt: this.#clock.wall() }]);
  }

  #encrypt(name: string, item: Data): Data {
    if (typeof item["plaintext"] !== "string") throw badRequest("missing plaintext to encrypt");
    const plaintext = fromBase64(item["plaintext"], "illegal base64 data at input byte 0");
    const versions = this.#keys.get(name)!;
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv("aes-256-gcm", versions.at(-1)!.key, iv);
    cipher.setAAD(Buffer.from(text(item, "associated_data"), "base64"));
    const sealed = Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    return { ciphertext: `vault:v${versions.length}:${sealed.toString("base64")}`, key_version: versions.length };
  }

  #decrypt(name: string, item: Data): Data {
    const ciphertext = text(item, "ciphertext");
    if (ciphertext === "") throw badRequest("missing ciphertext to decrypt");
    const versions = this.#keys.get(name);
    if (!versions) throw badRequest("encryption key not found");
    const [, number, encoded] = /^vault:v([^:]*):(.*)$/s.exec(ciphertext) ?? [];
    if (number === undefined || encoded === undefined) throw badRequest("invalid ciphertext: no prefix");
    if (!/^\d+$/.test(number)) throw badRequest("invalid ciphertext: version number could not be decoded");
    // Version 0 is how the first one was written before versions had numbers.
    const version = versions[Math.max(1, Number(number)) - 1];
    if (!version) throw badRequest("invalid ciphertext: version is too new");
    const sealed = fromBase64(encoded, "invalid ciphertext: could not decode base64");
    if (sealed.length < ivBytes + tagBytes) throw badRequest("invalid ciphertext length");
    return { plaintext: open(version.key, sealed, text(item, "associated_data")).toString("base64") };
  }

  #describe(name: string): Data {
    const versions = this.#keys.get(name);
    if (!versions) throw missing();
    return {
      allow_plaintext_backup: false,
      auto_rotate_period: 0,
      deletion_allowed: false,
      derived: false,
      exportable: false,
      imported_key: false,
      keys: Object.fromEntries(versions.map(({ madeAt }, index) => [index + 1, toSeconds(madeAt)])),
      latest_version: versions.length,
      min_available_version: 0,
      min_decryption_version: 1,
      min_encryption_version: 0,
      name,
      supports_decryption: true,
      supports_derivation: true,
      supports_encryption: true,
      supports_signing: false,
      type: "aes256-gcm96",
    };
  }
}

function open(key: Buffer, sealed: Buffer, associated: string): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, ivBytes));
  decipher.setAAD(Buffer.from(associated, "base64"));
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(ivBytes, -tagBytes)), decipher.final()]);
  } catch {
    throw badRequest("cipher: message authentication failed");
  }
}

function fromBase64(encoded: string, otherwise: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(encoded) || encoded.length % 4 !== 0) throw badRequest(otherwise);
  return Buffer.from(encoded, "base64");
}

/** One item, or all of `batch_input`: there a bad one changes the status, not the results of the others. */
function each(body: Data, kind: "plaintext" | "ciphertext", act: (item: Data) => Data): Answer {
  const batch = body["batch_input"];
  if (batch === undefined) return { data: act(body) };
  if (!Array.isArray(batch) || batch.length === 0) throw badRequest("missing batch input to process");
  const results = (batch as Data[]).map((item) => ({
    ...attempt(item, kind, act),
    reference: text(item, "reference"),
  }));
  const data = { batch_results: results };
  if (!results.some((result) => "error" in result)) return { data };
  return { status: whole(body, "partial_failure_response_code") || 400, data, mountType: "" };
}

function attempt(item: Data, kind: "plaintext" | "ciphertext", act: (item: Data) => Data): Data {
  try {
    return act(item);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ...(kind === "ciphertext" && { plaintext: "" }), error: error.message };
  }
}
