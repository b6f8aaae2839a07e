import type { VaultRequest } from "../src/mount/mount-spec.js";
import type { SecretSource, Principal } from "../src/mount/ports.js";
import { type JsonObject, isJsonObject } from "../src/shared/json.js";
import { Redacted } from "../src/shared/redacted.js";
import { parseExactJson } from "../src/shared/exact-json.js";
import { canaries } from "./canaries.js";
import { transactionBy } from "../dev/testing/read-requests.js";

const secret = canaries.secretValue.value;

/** What every path holds. */
const parsed = parseExactJson(
  Buffer.from(
    JSON.stringify({
      mount_type: "kv",
      data: {
        data: { password: secret, n: 1.5, list: [1, { deep: secret }], nothing: null, "": "x", base64: btoa("deep") },
        metadata: { version: 3 },
      },
    }),
  ),
);
if (!isJsonObject(parsed)) throw new Error("the held secret is no object");
const body: JsonObject = parsed;

/** Answers without a Vault, and who asked what. */
export class HeldSecrets implements SecretSource {
  principal: Principal | undefined;
  requests: VaultRequest[] = [];

  begin(principal: Principal) {
    this.principal = principal;
    this.requests = [];
    const held = new Redacted(body);
    return transactionBy((request) => {
      this.requests.push(request);
      return { body: held };
    });
  }
}
