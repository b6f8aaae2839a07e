import { expect, test } from "vitest";
import type { VaultRequest } from "../mount/mount-spec.js";
import { Redacted } from "../shared/redacted.js";
import { makeIdentity } from "../../dev/testing/certificates.js";
import { sampleStoredToken } from "../../dev/testing/test-credentials.js";
import { answerOf, endsAt } from "./cached-secret.js";

const minute = 60_000;
const hour = 60 * minute;
const madeAt = Date.parse("2026-01-01T00:00:00Z");
const issue: VaultRequest = { method: "POST", path: "pki/issue/web", query: "" };

/** Of an hour, which Vault's PKI engine begins half a minute before it is asked. */
const { cert } = makeIdentity({ commonName: "web", notBefore: madeAt - minute / 2, notAfter: madeAt + hour });

test.each([
  ["right", 0, 60],
  ["ten minutes ahead", 10 * minute, 50],
  ["hours ahead: it would have ended before it was made", 3 * hour, 60.5],
  ["hours behind: it would outlive itself", -3 * hour, 60.5],
])("a certificate of an hour, where our clock is %s", (_clock, ahead, minutes) => {
  const body = { data: { certificate: cert, private_key: "key", serial_number: "1" } };
  const reply = { body: new Redacted(body), bytes: 100, requestedAt: 0 };
  const answer = answerOf(issue, reply, sampleStoredToken(), {
    wall: madeAt + ahead,
    monotonic: 0,
    draw: 0.5,
    maxOrphanMs: hour,
  });
  expect(endsAt(answer)).toBe(minutes * minute);
});
