import type { VaultRequest } from "../mount/mount-spec.js";

const certificate = ["certificate", "issuing_ca", "ca_chain", "serial_number", "expiration"];

/** Paths of engines that are mounted where Vault's documentation mounts them, and the keys of their answers. */
const answers: readonly [RegExp, readonly string[]][] = [
  [
    /^database\/creds\//,
    ["username", "password", "rsa_private_key", "client_certificate", "private_key", "private_key_type"],
  ],
  [
    /^database\/static-creds\//,
    [
      "username",
      "password",
      "rsa_private_key",
      "ttl",
      "last_vault_rotation",
      "rotation_period",
      "rotation_schedule",
      "rotation_window",
    ],
  ],
  [/^pki[\w-]*\/(issuer\/[^/]+\/)?issue\//, [...certificate, "private_key", "private_key_type"]],
  [/^pki[\w-]*\/(issuer\/[^/]+\/)?sign\//, certificate],
  [/^transit\/decrypt\//, ["plaintext", "batch_results"]],
  [/^transit\/encrypt\//, ["ciphertext", "key_version", "batch_results"]],
  [/^rabbitmq\/creds\//, ["username", "password"]],
  [/^aws\/(creds|sts)\//, ["access_key", "secret_key", "security_token", "session_token", "arn", "ttl"]],
];

/** What KV v2 says of every secret, which templates have in `meta`. */
export const metadataKeys = ["version", "created_time", "deletion_time", "destroyed", "custom_metadata"];

/** The keys that an answer can have, where its path tells; `undefined` for all others, above all KV. */
export function knownKeys({ method, path }: VaultRequest): readonly string[] | undefined {
  if (method === "LIST") return ["keys", "key_info"];
  return answers.find(([pattern]) => pattern.test(path))?.[1];
}
