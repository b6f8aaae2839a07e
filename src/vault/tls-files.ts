import { X509Certificate, createHash, createPrivateKey } from "node:crypto";
import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type SecureContextOptions, createSecureContext } from "node:tls";
import type { TlsSettings } from "../config/connection.js";
import type { Clock } from "../shared/clock.js";
import { VaultError } from "./vault-error.js";

/** What TLS to Vault is made with; equal digests mean equal material. */
export interface TlsMaterial {
  digest: string;
  options: SecureContextOptions & { servername?: string; rejectUnauthorized: boolean };
}

/** How often, at most, the files are read again; they are read only when the connection is used. */
const recheckMs = 10_000;
const maxFileBytes = 1 << 20;
const maxDirectoryFiles = 1000;

/**
 * The configured CA and client certificate, read on first use and again while in use. New files that are unusable
 * (half-written, a key of another certificate) are reported to `rejected`, and the old ones stay.
 */
export class TlsFiles {
  readonly #settings: TlsSettings;
  readonly #clock: Clock;
  readonly #rejected: (reason: string) => void;
  #current: TlsMaterial | undefined;
  #reading: Promise<TlsMaterial> | undefined;
  #readAt = 0;

  constructor(settings: TlsSettings, clock: Clock, rejected: (reason: string) => void) {
    this.#settings = settings;
    this.#clock = clock;
    this.#rejected = rejected;
  }

  /** Throws a `configuration` error while there never was good material. */
  async material(): Promise<TlsMaterial> {
    if (!this.#current) return this.#read();
    if (this.#clock.monotonic() - this.#readAt >= recheckMs) {
      this.#read().catch((reason: unknown) => this.#rejected((reason as VaultError).message));
    }
    return this.#current;
  }

  #read(): Promise<TlsMaterial> {
    this.#readAt = this.#clock.monotonic();
    this.#reading ??= readMaterial(this.#settings)
      .then((material) => (this.#current = material))
      .finally(() => (this.#reading = undefined));
    return this.#reading;
  }
}

/** Throws a `configuration` error that names the file. */
export async function readMaterial(settings: TlsSettings): Promise<TlsMaterial> {
  const { caFile, caDirectory, certFile, keyFile, serverName, skipVerify } = settings;
  const ca = [
    ...(caFile === undefined ? [] : [await readCertificates(caFile)]),
    ...(caDirectory === undefined ? [] : await readDirectory(caDirectory)),
  ];
  const cert = certFile === undefined ? undefined : await readCertificates(certFile);
  const key = keyFile === undefined ? undefined : await readText(keyFile);
  if (key !== undefined && isEncrypted(key)) {
    throw unusable(keyFile!, "the key is encrypted, and no passphrase can be given; decrypt it (openssl pkey)");
  }
  if (cert !== undefined && key !== undefined && !isPair(cert, key)) {
    throw unusable(certFile!, "certificate and key do not belong together");
  }
  const options = {
    minVersion: "TLSv1.2" as const,
    rejectUnauthorized: !skipVerify,
    // An intermediate, or Vault's own certificate, may be the trust anchor, as in Go (crypto/x509).
    allowPartialTrustChain: true,
    ...(ca.length > 0 && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
  };
  try {
    createSecureContext(options);
  } catch {
    throw unusable(certFile ?? caFile ?? caDirectory ?? "TLS files", "OpenSSL does not take what is in it");
  }
  return { digest: createHash("sha256").update(JSON.stringify(options)).digest("hex"), options };
}

async function readDirectory(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    throw unusable(directory, error.code ?? "unreadable");
  });
  // `..data` and its kin are how the kubelet swaps a volume; the names beside them lead to the same files.
  const files = names.filter((name) => !name.startsWith("..")).sort();
  if (files.length === 0) throw unusable(directory, "no certificate in it");
  if (files.length > maxDirectoryFiles) throw unusable(directory, `more than ${maxDirectoryFiles} files in it`);
  return Promise.all(files.map((name) => readCertificates(join(directory, name))));
}

/** OpenSSL takes a bundle cut in the middle for a shorter one; we do not. */
async function readCertificates(file: string): Promise<string> {
  const text = await readText(file);
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const begun = text.split("-----BEGIN CERTIFICATE-----").length - 1;
  if (begun === 0 || begun !== certificates.length) throw unusable(file, "not PEM certificates, whole");
  try {
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch {
    throw unusable(file, "a certificate in it cannot be read");
  }
  return text;
}

async function readText(file: string): Promise<string> {
  try {
    if ((await stat(file)).size > maxFileBytes) throw unusable(file, `larger than ${maxFileBytes} bytes`);
    return await readFile(file, "utf8");
  } catch (reason) {
    if (reason instanceof VaultError) throw reason;
    throw unusable(file, (reason as NodeJS.ErrnoException).code ?? "unreadable");
  }
}

/** OpenSSL keeps a pair for each type of key, and compares only those of one type (ssl_set_pkey, ssl/ssl_rsa.c). */
function isPair(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

/** PKCS #8 and OpenSSL's own form (RFC 1421). */
function isEncrypted(key: string): boolean {
  return key.includes("-----BEGIN ENCRYPTED PRIVATE KEY-----") || key.includes("Proc-Type: 4,ENCRYPTED");
}

function unusable(file: string, why: string): VaultError {
  return new VaultError("configuration", `the connection's TLS file ${file} cannot be used: ${why}`);
}
