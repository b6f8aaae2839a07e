import { randomUUID } from "node:crypto";
import type { Clock } from "../../src/shared/clock.js";
import { type Answer, badRequest, type Data, manyErrors, missing, nothing, Refusal } from "./answer.js";
import { certificatePem, certify, type Identity, privateKeyPem, serialNumber, subjectKeyId } from "./certificates.js";
import type { Engine, EngineRequest } from "./engine.js";
import { seconds, text } from "./fields.js";
import { goTime, toSeconds } from "./go-time.js";
import { listBelow } from "./key-tree.js";
import type { LeaseStore } from "./lease-store.js";
import { describeRole, namesOf, type PkiRole, readRole } from "./pki-role.js";
import type { Product } from "./product.js";
import { Routes } from "./routes.js";
import { systemTtl } from "./time-to-live.js";

interface Issued {
  readonly pem: string;
  revokedAt: number;
}

/** Certificates are valid from half a minute before they are made. */
const backdatingMs = 30_000;

/** What each product says of a certificate. Vault warns of a life that is cut twice: while checking, and while signing. */
const contents: Record<Product, { authorityKeyId: boolean; notBefore: boolean; warningsOfCut: number }> = {
  vault: { authorityKeyId: true, notBefore: false, warningsOfCut: 2 },
  openbao: { authorityKeyId: false, notBefore: true, warningsOfCut: 1 },
};

/** Secrets engine `pki`: one root of RSA, and the certificates it issues. */
export class Pki implements Engine {
  readonly type = "pki";
  readonly #clock: Clock;
  readonly #leases: LeaseStore;
  readonly #product: Product;
  readonly #maxTtl: number;
  readonly #roles = new Map<string, PkiRole>();
  readonly #issued = new Map<string, Issued>();
  #root: Identity | undefined;
  readonly #routes = new Routes()
    .on("root/generate/internal", { update: ({ body }) => this.#makeRoot(body) })
    .on("roles", { list: () => listBelow(this.#roles.keys(), "") })
    .on("roles/:name", {
      read: (_, name) => ({ data: describeRole(this.#roles.get(name)) }),
      update: ({ body }, name) => {
        const role = readRole(body);
        this.#roles.set(name, role);
        return { data: describeRole(role) };
      },
      delete: (_, name) => (this.#roles.delete(name), nothing),
    })
    .on("issue/:role", { update: (request, name) => this.#issue(name, request) })
    .on("ca/pem", { read: () => this.#rawCa() })
    .on("ca_chain", { read: () => this.#rawCa("application/pkix-cert") })
    .on("certs", { list: () => listBelow(this.#issued.keys(), "") })
    .on("cert/ca", { read: () => this.#readCa() })
    .on("cert/ca_chain", { read: () => this.#readCa() })
    .on("cert/([0-9A-Fa-f:-]+)", { read: (_, serial) => this.#readCertificate(serial) })
    .on("revoke", { update: ({ body }) => this.#revoke(text(body, "serial_number")) });

  /** `maxTtl` in seconds, 0 for the system's. */
  constructor(clock: Clock, leases: LeaseStore, product: Product, maxTtl: number) {
    this.#product = product;
    this.#clock = clock;
    this.#leases = leases;
    this.#maxTtl = maxTtl || systemTtl;
  }

  isPublic(path: string): boolean {
    return /^(ca(\/pem|_chain)?|cert\/.+)$/.test(path);
  }

  handle(request: EngineRequest): Answer | Promise<Answer> {
    return this.#routes.handle(request);
  }

  async #makeRoot(body: Data): Promise<Answer> {
    const now = this.#clock.wall();
    const ttl = Math.min(seconds(body, "ttl") || this.#maxTtl, this.#maxTtl);
    this.#root = await certify({
      commonName: text(body, "common_name"),
      dnsNames: [],
      ipAddresses: [],
      notBefore: now - backdatingMs,
      notAfter: now + ttl * 1_000,
    });
    const pem = this.#keep(this.#root);
    return {
      data: {
        certificate: pem,
        expiration: toSeconds(now) + ttl,
        issuer_id: randomUUID(),
        issuer_name: "",
        issuing_ca: pem,
        key_id: randomUUID(),
        key_name: "",
        serial_number: serialNumber(this.#root),
      },
      warnings: [noAccessInformation],
    };
  }

  async #issue(name: string, request: EngineRequest): Promise<Answer> {
    const { body } = request;
    const has = contents[this.#product];
    const role = this.#roles.get(name);
    if (!role) throw badRequest(`unknown role: ${name}`);
    const issuer = this.#root;
    if (!issuer) {
      throw new Refusal(500, [manyErrors(`could not fetch the CA certificate (was one set?): ${noIssuer}`)]);
    }
    const names = namesOf(body, role);
    const { ttl, warnings } = this.#ttl(role, seconds(body, "ttl"));
    const now = this.#clock.wall();
    const notAfter = now + ttl * 1_000;
    const identity = await certify({ ...names, notBefore: now - backdatingMs, notAfter, issuer });
    const lease = role.leased
      ? this.#leases.create(`issue/${name}`, request, {
          renewable: false,
          limits: { ttl, maxTtl: ttl },
          owner: { revoke: () => void this.#revoke(serialNumber(identity)) },
        })
      : undefined;
    const ca = certificatePem(issuer);
    const key = privateKeyPem(identity, text(body, "private_key_format"));
    const pem = this.#keep(identity);
    const data = {
      ...(has.authorityKeyId && { authority_key_id: subjectKeyId(issuer) }),
      ...(has.notBefore && { not_before: toSeconds(now - backdatingMs) }),
      ca_chain: [ca],
      certificate: text(body, "format") === "pem_bundle" ? [key, pem, ca].join("\n") : pem,
      expiration: toSeconds(notAfter),
      issuing_ca: ca,
      private_key: key,
      private_key_type: "rsa",
      serial_number: serialNumber(identity),
    };
    return { data, warnings, ...(lease && { lease }) };
  }

  #ttl(role: PkiRole, asked: number): { ttl: number; warnings: string[] } {
    const max = role.maxTtl || this.#maxTtl;
    const ttl = asked || role.ttl || Math.min(systemTtl, max);
    if (ttl <= max) return { ttl, warnings: [] };
    const [long, most] = [ttl, max].map(longDuration);
    const warning = `TTL "${long}" is longer than permitted maxTTL "${most}", so maxTTL is being used`;
    return { ttl: max, warnings: Array.from({ length: contents[this.#product].warningsOfCut }, () => warning) };
  }

  #keep(identity: Identity): string {
    const pem = certificatePem(identity);
    this.#issued.set(serialNumber(identity), { pem, revokedAt: 0 });
    return pem;
  }

  #rawCa(contentType = "application/pem-certificate-chain"): Answer {
    if (!this.#root) return { status: 204, bare: { contentType, body: "" } };
    return { bare: { contentType, body: certificatePem(this.#root) } };
  }

  #readCa(): Answer {
    if (!this.#root) throw badRequest(noIssuer);
    return this.#readCertificate(serialNumber(this.#root));
  }

  #readCertificate(serial: string): Answer {
    const found = this.#issued.get(serial.replaceAll("-", ":").toLowerCase());
    if (!found || !this.#root) throw missing();
    const data = {
      ...(contents[this.#product].authorityKeyId && { authority_key_id: subjectKeyId(this.#root) }),
      certificate: found.pem,
      revocation_time: toSeconds(found.revokedAt),
      revocation_time_rfc3339: found.revokedAt === 0 ? "" : goTime(found.revokedAt),
    };
    return { data, mountType: "" };
  }

  #revoke(serial: string): Answer {
    const found = this.#issued.get(serial.replaceAll("-", ":").toLowerCase());
    if (!found) throw badRequest(`certificate with serial ${serial} not found`);
    found.revokedAt ||= this.#clock.wall();
    const revoked = { revocation_time: toSeconds(found.revokedAt), revocation_time_rfc3339: goTime(found.revokedAt) };
    return { data: { ...revoked, state: "revoked" } };
  }
}

const noIssuer = "no default issuer currently configured";
const noAccessInformation =
  "This mount hasn't configured any authority information access (AIA) fields; this may make it harder for systems to find missing certificates in the chain or to validate revocation status of certificates. Consider updating /config/urls or the newly generated issuer with this information.";

/** Seconds as Go's `Duration.String` writes them. */
function longDuration(total: number): string {
  return `${Math.floor(total / 3_600)}h${Math.floor((total % 3_600) / 60)}m${total % 60}s`;
}
