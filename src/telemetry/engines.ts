/** Engines whose names are labels; a plugin of the operator's own is `other`, so that labels stay few. */
const engines: ReadonlySet<string> = new Set(
  "token ad alicloud aws azure consul database gcp identity kmip kubernetes kv ldap mongodbatlas nomad openldap pki rabbitmq ssh terraform totp transit".split(
    " ",
  ),
);

/** An engine's type as a label's value. */
export function knownEngine(engine: string): string {
  return engines.has(engine) ? engine : "other";
}
