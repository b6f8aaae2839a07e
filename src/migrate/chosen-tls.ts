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
  const uses = new Map<string, { tls: TlsSettings; count: number }>();
  for (const one of classes) {
    const tls = sourceTls(source, one);
    const text = textOf(tls);
    uses.set(text, { tls, count: (uses.get(text)?.count ?? 0) + 1 });
  }
  const [mostUsed] = [...uses].sort(
    ([aText, a], [bText, b]) =>
      b.count - a.count || Number(a.tls.skipVerify) - Number(b.tls.skipVerify) || (aText < bText ? -1 : 1),
  );
  const whole = withoutHalves(mostUsed?.[1].tls ?? source);
  return { tls: whole, fromClasses: !sameTls(whole, withoutHalves(source)) };
}

/** With what the Go provider spoke to Vault for this class. */
export function sourceTls(source: TlsSettings, { tls }: AnalyzedClass): TlsSettings {
  return { ...source, ...tls };
}

export function sameTls(a: TlsSettings, b: TlsSettings): boolean {
  return textOf(a) === textOf(b);
}

/** Equal for equal settings, in whatever order they were written. */
function textOf(tls: TlsSettings): string {
  return JSON.stringify(Object.entries(tls).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A client certificate without its key is of no use, nor is a key without its certificate. */
function withoutHalves(tls: TlsSettings): TlsSettings {
  const { certFile, keyFile, ...rest } = tls;
  return certFile !== undefined && keyFile !== undefined ? tls : rest;
}
