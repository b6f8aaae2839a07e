import { tokenPayload } from "../mount/identity.js";
import type { Redacted } from "../shared/redacted.js";

/** When a JWT expires, in milliseconds since the epoch; `undefined` where it does not say (`exp`). */
export function jwtExpiry(jwt: Redacted<string>): number | undefined {
  const { exp } = (tokenPayload(jwt.reveal()) ?? {}) as { exp?: unknown };
  return typeof exp === "number" && exp > 0 && exp < 1e11 ? exp * 1000 : undefined;
}
