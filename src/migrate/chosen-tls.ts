import type { TlsSettings } from "../config/connection.js";
import type { AnalyzedClass } from "./analyzed-class.js";

/** What one connection says of TLS in place of its classes. */
export interface ChosenTls {
  tls: TlsSettings;
  /** Whether a class said it, rather than the source provider. */
  fromClasses: boolean;
}

/** A connection has one: what most of its classes had, and among equals one that verifies. */
export function chosenTls(source: TlsSettings, classes: readonly AnalyzedClass[]): ChosenTls {
  const had = classes.map((one) => sourceTls(source, one));
  const count = (tls: TlsSettings) => had.filter((other) => sameTls(tls, other)).length;
  const [tls = source] = [...had].sort(
    (a, b) =>
      count(b) - count(a) ||
      Number(a.skipVerify) - Number(b.skipVerify) ||
      (JSON.stringify(sorted(a)) < JSON.stringify(sorted(b)) ? -1 : 1),
  );
  const whole = withoutHalves(tls);
  return { tls: whole, fromClasses: !sameTls(whole, withoutHalves(source)) };
}

/** With what the Go provider spoke to Vault for this class. */
export function sourceTls(source: TlsSettings, { tls }: AnalyzedClass): TlsSettings {
  return { ...source, ...tls };
}

export function sameTls(a: TlsSettings, b: TlsSettings): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(tls: TlsSettings): [string, unknown][] {
  return Object.entries(tls).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** A client certificate without its key is of no use, nor is a key without its certificate. */
function withoutHalves(tls: TlsSettings): TlsSettings {
  const { certFile, keyFile, ...rest } = tls;
  return certFile !== undefined && keyFile !== undefined ? tls : rest;
}
