import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import type { Clock } from "../../src/shared/clock.js";
import { type Answer, badRequest, type Data, manyErrors, nothing, Refusal } from "./answer.js";
import type { Engine, EngineRequest } from "./engine.js";
import { list, seconds, text } from "./fields.js";
import { toSeconds } from "./go-time.js";
import { Routes } from "./routes.js";
import { systemTtl } from "./time-to-live.js";

interface Role {
  readonly users: readonly string[];
  readonly defaultUser: string;
  readonly ttl: number;
  readonly maxTtl: number;
  readonly backdating: number;
}

/** Secrets engine `ssh`: a CA of Ed25519, and the user certificates that it signs. */
export class Ssh implements Engine {
  readonly type = "ssh";
  readonly #clock: Clock;
  readonly #roles = new Map<string, Role>();
  #ca: KeyObject | undefined;
  readonly #routes = new Routes()
    .on("config/ca", { read: () => this.#readCa(), update: ({ body }) => this.#makeCa(body) })
    .on("public_key", { read: () => this.#rawCa() })
    .on("roles/:name", {
      update: ({ body }, name) => (this.#roles.set(name, readRole(body)), nothing),
      delete: (_, name) => (this.#roles.delete(name), nothing),
    })
    .on("sign/:role", { update: (request, name) => this.#sign(name, request) });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isPublic(path: string): boolean {
    return path === "public_key";
  }

  handle(request: EngineRequest): Answer | Promise<Answer> {
    return this.#routes.handle(request);
  }

  #makeCa(body: Data): Answer {
    if (text(body, "key_type") !== "ed25519") throw badRequest("the embedded Vault has CAs of key_type ed25519 only");
    if (this.#ca) throw badRequest("keys are already configured; delete them before reconfiguring");
    this.#ca = generateKeyPairSync("ed25519").privateKey;
    return this.#readCa();
  }

  #readCa(): Answer {
    if (!this.#ca) throw badRequest("keys haven't been configured yet");
    return { data: { public_key: publicLine(this.#ca) } };
  }

  #rawCa(): Answer {
    if (!this.#ca) throw badRequest("keys haven't been configured yet");
    return { bare: { contentType: "text/plain", body: publicLine(this.#ca) } };
  }

  #sign(name: string, { body, token }: EngineRequest): Answer {
    const role = this.#roles.get(name);
    if (!role) throw badRequest(`Unknown role: ${name}`);
    const { type, fields } = readPublicKey(text(body, "public_key"));
    const users = list(body, "valid_principals");
    const refused = users.find((user) => !role.users.includes(user) && !role.users.includes("*"));
    if (refused !== undefined) throw badRequest(`${refused} is not a valid value for valid_principals`);
    const ttl = seconds(body, "ttl") || role.ttl || Math.min(systemTtl, role.maxTtl);
    if (ttl > role.maxTtl) throw badRequest(`ttl is larger than maximum allowed ${role.maxTtl}`);
    if (!this.#ca) throw new Refusal(500, [manyErrors("error creating signer: no keys configured")]);
    const now = toSeconds(this.#clock.wall());
    const serial = randomBytes(8);
    const keyId = `vault-${token!.displayName}-${createHash("sha256").update(fields).digest("hex")}`;
    const certificate = Buffer.concat([
      field(`${type}-cert-v01@openssh.com`),
      field(randomBytes(32)),
      fields,
      serial,
      Buffer.from([0, 0, 0, 1]), // Of a user.
      field(keyId),
      field(Buffer.concat((users.length > 0 ? users : [role.defaultUser]).map(field))),
      uint64(now - role.backdating),
      uint64(now + ttl),
      ...["", "", ""].map(field), // Critical options, extensions, reserved.
      field(publicBlob(this.#ca)),
    ]);
    const signature = Buffer.concat([field("ssh-ed25519"), field(sign(null, certificate, this.#ca))]);
    const encoded = Buffer.concat([certificate, field(signature)]).toString("base64");
    return {
      data: { serial_number: serial.toString("hex"), signed_key: `${type}-cert-v01@openssh.com ${encoded}\n` },
    };
  }
}

function readRole(body: Data): Role {
  return {
    users: list(body, "allowed_users"),
    defaultUser: text(body, "default_user"),
    ttl: seconds(body, "ttl"),
    maxTtl: seconds(body, "max_ttl") || systemTtl,
    backdating: seconds(body, "not_before_duration") || 30,
  };
}

/** The type of a public key, and what follows it in the key's bytes, which a certificate holds as it is. */
function readPublicKey(line: string): { type: string; fields: Buffer } {
  if (line === "") throw badRequest("missing public_key");
  const [type = "", base64 = ""] = line.split(" ");
  const bytes = Buffer.from(base64, "base64");
  const start = field(type);
  if (base64 === "" || !bytes.subarray(0, start.length).equals(start))
    throw badRequest("failed to parse public_key as SSH key: illegal base64 data at input byte 0");
  return { type, fields: bytes.subarray(start.length) };
}

function publicBlob(key: KeyObject): Buffer {
  const { x = "" } = key.export({ format: "jwk" });
  return Buffer.concat([field("ssh-ed25519"), field(Buffer.from(x, "base64url"))]);
}

function publicLine(key: KeyObject): string {
  return `ssh-ed25519 ${publicBlob(key).toString("base64")}\n`;
}

/** A string as SSH writes it. */
function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
