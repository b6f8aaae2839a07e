import { inCommandsOf } from "../../src/doctor/product-commands.js";
import { shellQuoted } from "../../src/shared/shell-quoted.js";
import { productNames } from "../vault/product.js";
import type { DevEnvironment } from "./environment.js";
import { devRole, devSecrets } from "./vault-content.js";

/** What a person does with a running `keymount dev`: each line can be copied into a shell. */
export function guide(environment: DevEnvironment, program: string): string {
  const { vault, socketPath, classFile, stateDirectory, logFile, healthAddress } = environment;
  const [socket, file, state, log] = [socketPath, classFile, stateDirectory, logFile].map(shellWord);
  const held = devSecrets.map(
    ({ mount, type, path, holds }) => `  ${mount.padEnd(11)}${type.padEnd(10)}${path}: ${holds}`,
  );
  const product = productNames[vault.cluster.product];
  const text = `An embedded ${product} listens at ${vault.address}, the provider at ${socketPath}.

  export VAULT_ADDR=${vault.address} VAULT_TOKEN=${vault.rootToken}

${devRole.name} is a role of auth/${devRole.authMount}, for every service account, with audience ${devRole.audience}. It reads

${held.join("\n")}

In a shell with that export, by the ${product === "OpenBao" ? "bao" : "vault"} command or by curl:

  mount the example      ${program} mount -f ${file} --socket ${socket} --out /tmp/app --watch
  change a value         vault kv patch secret/app password=changed
                         curl -H "X-Vault-Token: $VAULT_TOKEN" $VAULT_ADDR/v1/secret/data/app \\
                              -d '{"data": {"username": "app", "password": "changed"}}'
  seal it                curl -H "X-Vault-Token: $VAULT_TOKEN" -X PUT $VAULT_ADDR/v1/sys/seal
  unseal it              curl -X PUT $VAULT_ADDR/v1/sys/unseal -d '{"key": "${vault.unsealKey}"}'
  check each step        ${program} doctor -f ${file} --endpoint=${socket} --vault-addr=$VAULT_ADDR
  see what is held       ${program} leases --state-dir ${state}
  see the metrics        curl ${healthAddress}/metrics
  read the log           tail -f ${log}

The root token and the unseal key are this run's own. Ctrl-C ends it.
`;
  return inCommandsOf(product, text);
}

/** As it is, or in single quotes where a shell would take it apart. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : shellQuoted(text);
}
