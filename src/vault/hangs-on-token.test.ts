import { expect, test } from "vitest";
import type { JsonObject } from "../shared/json.js";
import { Redacted } from "../shared/redacted.js";
import { hangsOnToken } from "./hangs-on-token.js";
import type { Lease } from "./vault-client.js";

const lease: Lease = { id: new Redacted("database/creds/app/x"), renewable: true, durationMs: 1 };
const auth = (more: JsonObject) => ({ data: null, auth: { client_token: "t", ...more } });

test.each<[boolean, string, JsonObject | Buffer | null, Lease?]>([
  [true, "a lease", { data: { password: "p" }, auth: null }, lease],
  [true, "a child token", auth({ orphan: false })],
  [true, "a token of which Vault does not say that it is an orphan", auth({})],
  [false, "an orphan", auth({ orphan: true })],
  [false, "a certificate", { data: { certificate: "c" }, auth: null }],
  [false, "OpenBao's answer, which leaves out what is null", { data: { certificate: "c" } }],
  [false, "a raw answer", Buffer.from('{"auth":{}}')],
  [false, "an answer without a body", null],
])("%s: %s", (hangs, _what, body, of) => {
  expect(hangsOnToken({ body: new Redacted(body), ...(of && { lease: of }) })).toBe(hangs);
});
