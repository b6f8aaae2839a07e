import { checkServerIdentity } from "node:tls";
import type { Clock } from "../shared/clock.js";
import type { TlsSettings } from "../config/connection.js";
import { classifyFault } from "../vault/connection-fault.js";
import { ExchangeError } from "../vault/http-exchange.js";
import { type TlsMaterial, readMaterial } from "../vault/tls-files.js";
import { VaultError } from "../vault/vault-error.js";
import { Problem } from "./problems.js";
import { datesText, endingSoonTexts, validityTexts, issuerText, namesText } from "./certificate-chain.js";
import type { CheckResult } from "./check-runner.js";
import type { Target } from "./target.js";
import type { Reached } from "./tcp-step.js";
import { type Handshake, shakeHands } from "./tls-handshake.js";

export interface TlsAsk {
  origin: string;
  target: Target;
  address: Reached;
  settings: TlsSettings;
  clock: Clock;
}

/** Looks at the certificate before it is judged, so that all that is wrong with it can be said. */
export async function checkTls(ask: TlsAsk, signal: AbortSignal): Promise<CheckResult<TlsMaterial>> {
  const { target, settings, clock } = ask;
  const now = clock.wall();
  const material = await readMaterial(settings).catch((reason: unknown) => {
    throw reason instanceof VaultError ? new Problem("tls.files", reason.message) : reason;
  });
  if ("socketPath" in target) return { value: material, facts: ["a unix socket: no TLS"] };
  if (!target.secure) return { value: material, facts: ["plain HTTP: no TLS"] };
  const seen = await shakeHands({ ...ask, target }, material, signal);
  const mistake = mistakeIn(seen, ask.origin, now);
  if (mistake && !settings.skipVerify) throw mistake;
  const ignored = mistake ? [`any certificate is taken (tls.skipVerify), though ${mistake.what}`] : [];
  return {
    value: material,
    facts: [seen.protocol, ...validityTexts(seen.chain, now)],
    warnings: [...ignored, ...endingSoonTexts(seen.chain, now)],
  };
}

const nameFault = "ERR_TLS_CERT_ALTNAME_INVALID";
const datesFaults = ["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"];
/** The chain does not lead to what is trusted; all else is wrong with the chain itself. */
const trustFault = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED)/;

/** In the words of a Mount, and what was seen. OpenSSL stops at the first fault, so the name is looked at besides. */
function mistakeIn({ fault, chain, hostname }: Handshake, origin: string, now: number): Problem | undefined {
  if (fault === undefined) return undefined;
  const said = classifyFault(new ExchangeError(fault, "connecting", false), origin).error.message;
  const names = chain[0] && checkServerIdentity(hostname, chain[0]) ? [namesText(chain, hostname)] : [];
  if (fault === nameFault) return new Problem("tls.name", [said, ...names].join("; "));
  const known = problemOf(fault);
  const seen = known === "tls.dates" ? [datesText(chain, now)] : known === "tls.untrusted" ? [issuerText(chain)] : [];
  return new Problem(known, [said, ...seen, ...names].join("; "));
}

function problemOf(fault: string): "tls.dates" | "tls.untrusted" | "tls.unfit" {
  if (datesFaults.includes(fault)) return "tls.dates";
  return trustFault.test(fault) ? "tls.untrusted" : "tls.unfit";
}
