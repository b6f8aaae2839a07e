import type { Administrator } from "../vault/administrator.js";
import type { Data } from "../vault/answer.js";

/** Who may log in: every service account of every namespace, since `keymount dev` makes the tokens itself. */
export const devRole = { name: "app", authMount: "kubernetes", audience: "vault" } as const;

export interface DevSecret {
  mount: string;
  type: string;
  /** As `secretPath` of a class. */
  path: string;
  holds: string;
}

/** What the role reads, one path of each mount. */
export const devSecrets: readonly DevSecret[] = [
  { mount: "secret/", type: "kv 2", path: "secret/data/app", holds: "username, password, port" },
  { mount: "database/", type: "database", path: "database/creds/app", holds: "a login of 4 s, renewed for 1 h" },
  { mount: "pki/", type: "pki", path: "pki/issue/web", holds: "a certificate below example.test, by POST" },
  { mount: "transit/", type: "transit", path: "transit/decrypt/app", holds: "what transit/encrypt/app gave, by POST" },
];

/** Fills the embedded Vault of `keymount dev`. */
export async function fillDevVault(admin: Administrator): Promise<void> {
  await admin.write("sys/mounts/secret", { type: "kv", options: { version: "2" } });
  await admin.putSecret("app", { username: "app", password: "correct horse battery staple", port: 5432 }, "secret");
  await admin.write("sys/mounts/transit", { type: "transit" });
  await admin.write("transit/keys/app");
  await admin.write("sys/mounts/pki", { type: "pki" });
  const root = await admin.request("POST", "pki/root/generate/internal", { common_name: "keymount dev" });
  await admin.write("pki/roles/web", { allowed_domains: ["example.test"], allow_subdomains: true, max_ttl: "24h" });
  await admin.write("sys/mounts/database", { type: "database" });
  await admin.write("database/config/shop", {
    plugin_name: "postgresql-database-plugin",
    allowed_roles: "*",
    connection_url: "postgresql://db.example.test/shop",
    // Vault itself would connect to it: e2e/cases/dev.test.ts gives a real one the same contents.
    verify_connection: false,
  });
  // Short, so that renewals can be watched.
  const creation_statements = ["CREATE ROLE"];
  await admin.write("database/roles/app", { db_name: "shop", creation_statements, default_ttl: "4s", max_ttl: "1h" });
  await admin.write("sys/policies/acl/app", { policy: mayRead });
  await admin.write("sys/auth/kubernetes", { type: "kubernetes" });
  await admin.write("auth/kubernetes/config", {
    kubernetes_host: "https://127.0.0.1:6443",
    disable_local_ca_jwt: true,
    // OpenBao wants one. It is never used here: the embedded server asks no API server.
    kubernetes_ca_cert: (root["data"] as Data)["certificate"],
  });
  await admin.write("auth/kubernetes/role/app", {
    bound_service_account_names: ["*"],
    bound_service_account_namespaces: ["*"],
    audience: "vault",
    token_policies: ["app"],
    token_ttl: "1h",
  });
}

const mayRead = [
  'path "secret/data/*" { capabilities = ["read"] }',
  'path "transit/decrypt/app" { capabilities = ["update"] }',
  'path "pki/issue/web" { capabilities = ["update"] }',
  'path "database/creds/app" { capabilities = ["read"] }',
].join("\n");

/** A class to begin with; `refreshInterval` is short so that a change is seen at once. */
export const exampleClass = `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata:
  name: app
spec:
  provider: vault
  parameters:
    roleName: app
    refreshInterval: 1s
    objects: |
      - objectName: db/username
        secretPath: secret/data/app
        secretKey: username
      - objectName: db/password
        secretPath: secret/data/app
        secretKey: password
        filePermission: 0400
      - objectName: app.json
        secretPath: secret/data/app
`;

/** A login of an imagined database, made for the pod alone. */
export const databaseClass = exampleClass.replace("name: app", "name: database").replace(
  /objects: \|\n[\s\S]*/,
  `objects: |
      - objectName: db/username
        secretPath: database/creds/app
        secretKey: username
      - objectName: db/password
        secretPath: database/creds/app
        secretKey: password
`,
);
