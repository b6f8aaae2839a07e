import { spellingsOf } from "../dev/testing/canary-spellings.js";

/** A secret that must come out nowhere, in any spelling. Its odd characters make the spellings differ. */
export interface Canary {
  kind: string;
  value: string;
}

export const canaries = {
  jwtSignature: { kind: "the JWT's signature", value: "Zk9canaryJwtSignature-7Q_x2" },
  jwtClaim: { kind: "a claim of the JWT", value: 'canary-claim "ü"/7Q' },
  argument: { kind: "an argument", value: 'canary-argument "ü"/4x+&' },
  mountSecret: { kind: "a Secret of the driver", value: 'canary-secret "ü"/9z<' },
  secretValue: { kind: "a secret's value", value: 'canary-value "ü"/3p>%' },
  vaultToken: { kind: "a Vault token", value: "hvs.canaryVaultToken_5k-Tj8" },
  leaseId: { kind: "a lease id", value: 'database/creds/canary-lease "ü"8m' },
} as const satisfies Record<string, Canary>;

const spelt = Object.values(canaries).map(({ kind, value }) => ({ kind, spellings: spellingsOf(value) }));

/** Throws when a canary is in the text: plain, as JSON, escaped for a URL, in hex or in base64. */
export function expectNoCanary(where: string, text: string): void {
  for (const { kind, spellings } of spelt) {
    const found = spellings.find((spelling) => text.includes(spelling));
    if (found !== undefined) throw new Error(`${where} holds ${kind} (as ${JSON.stringify(found)}): ${text}`);
  }
}

/** For texts that are then damaged: damage can move an argument to where it is a name, which errors do show. */
export function withoutArguments(text: string): string {
  return spellingsOf(canaries.argument.value).reduce((left, spelling) => left.replaceAll(spelling, "argument"), text);
}
