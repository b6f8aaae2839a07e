import { recordOf } from "../shared/record-of.js";
import { Redacted } from "../shared/redacted.js";
import type { OfferedToken } from "./mount-spec.js";

export const tokensKey = "csi.storage.k8s.io/serviceAccount.tokens";

const longestText = 256 << 10;
const longestToken = 16 << 10;
const mostAudiences = 32;

/** As the kubelet writes it. */
interface SentToken {
  token: string;
  expirationTimestamp?: string;
}

/**
 * Service account tokens by audience, as the kubelet writes them (csi_mounter.go): `{"vault": {"token": …,
 * "expirationTimestamp": RFC 3339}}`. Audiences are trimmed: the sync controller splits its flag at commas and leaves
 * the blanks. Gives the mistake as text where it is something else; never quotes it.
 */
export function readTokens(text: string): ReadonlyMap<string, OfferedToken> | string {
  if (text === "" || text === "null") return new Map();
  if (text.length > longestText) return `is longer than ${longestText >> 10} KiB`;
  const parsed = json(text);
  const offered = typeof parsed === "object" && parsed !== null ? Object.entries(parsed) : [];
  if (offered.length > mostAudiences) return `offers ${offered.length} tokens, more than ${mostAudiences}`;
  if (parsed !== recordOf(parsed) || !offered.every(isSent)) {
    return 'is not the JSON a kubelet writes ({"<audience>": {"token": …}})';
  }
  if (offered.some(([audience, { token }]) => audience.length > 1024 || token.length > longestToken)) {
    return `holds a token longer than ${longestToken >> 10} KiB, or an audience longer than 1024`;
  }
  const tokens = new Map<string, OfferedToken>();
  for (const [audience, { token, expirationTimestamp }] of offered) {
    const expiresAt = Date.parse(expirationTimestamp ?? "");
    const offer = { jwt: new Redacted(token), ...(!Number.isNaN(expiresAt) && { expiresAt }) };
    if (audience === audience.trim() || !tokens.has(audience.trim())) tokens.set(audience.trim(), offer);
  }
  return tokens;
}

function isSent(entry: [string, unknown]): entry is [string, SentToken] {
  const { token, expirationTimestamp } = recordOf(entry[1]);
  return typeof token === "string" && (expirationTimestamp === undefined || typeof expirationTimestamp === "string");
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
