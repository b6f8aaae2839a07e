import { execFile } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { fillDevVault } from "../../dev/cli/vault-content.js";
import { Administrator, type VaultAccess } from "../../dev/vault/administrator.js";
import { type RunningProgram, runProgram, untilReady } from "../stack/running-program.js";
import { startVaultDev, type VaultDev } from "../stack/vault-dev.js";

const { binaries, directory, logs: allLogs } = inject("stack");
const logs = join(allLogs, "dev");
const bundle = join(import.meta.dirname, "..", "..", "dist", "keymount.js");
const patience = () => AbortSignal.timeout(60_000);

/** What a person types after `vault`, its exit code, and its standard input. In this order: each builds on those before. */
const commands: readonly [command: string, code: number, input?: string][] = [
  ["status", 0],
  ["status -format=json", 0],
  ["login -no-store TOKEN", 0],
  ["token lookup", 0],
  ["token lookup -format=json", 0],
  ["token lookup nope", 2],
  ["token capabilities secret/data/app", 0],
  ["token capabilities nope secret/data/app", 2],
  ["token create -policy=app -ttl=5m -field=token_policies", 0],
  ["secrets list", 0],
  ["secrets list -detailed", 0],
  ["secrets enable -path=kv2 -version=2 -description=two kv", 0],
  ["secrets enable -path=kv2 -version=2 kv", 2],
  ["secrets enable -path=kv1 -version=1 kv", 0],
  ["secrets enable nonsense", 2],
  ["kv put secret/cli a=1 b=two", 0],
  ["kv put -mount=kv2 deep/cli a=1", 0],
  ["kv put -cas=0 secret/once a=1", 0],
  ["kv put -cas=0 secret/once a=2", 2],
  ["kv put nowhere/x a=1", 2],
  ["kv get secret/cli", 0],
  ["kv get -mount=secret cli", 0],
  ["kv get -field=a secret/cli", 0],
  ["kv get -format=json kv2/deep/cli", 0],
  ["kv get secret/none", 2],
  ["kv get secret/", 0],
  ["kv get nowhere/x", 2],
  ["kv list secret", 0],
  ["kv list kv2/deep/", 0],
  ["kv list secret/none", 2],
  ["kv patch secret/cli c=3", 0],
  ["kv patch -method=rw secret/cli d=4", 0],
  ["kv patch -method=patch secret/cli e=5", 0],
  ["kv patch secret/none c=3", 2],
  ["kv get -version=2 secret/cli", 0],
  ["kv metadata get secret/cli", 0],
  ["kv metadata put -custom-metadata=owner=me -max-versions=5 secret/cli", 0],
  ["kv metadata patch -custom-metadata=team=x secret/cli", 0],
  ["kv metadata patch -remove-custom-metadata=owner secret/cli", 0],
  ["kv metadata get -format=json secret/cli", 0],
  ["kv metadata get secret/none", 2],
  ["kv rollback -version=1 secret/cli", 0],
  ["kv delete secret/cli", 0],
  ["kv get secret/cli", 0],
  ["kv undelete -versions=5 secret/cli", 0],
  ["kv destroy -versions=2 secret/cli", 0],
  ["kv get -version=2 secret/cli", 0],
  ["kv metadata delete secret/cli", 0],
  ["kv get secret/cli", 2],
  ["kv put kv1/a x=1", 0],
  ["kv get kv1/a", 0],
  ["kv list kv1", 0],
  ["kv delete kv1/a", 0],
  ["kv get kv1/a", 2],
  ["read secret/data/app", 0],
  ["read -format=json secret/config", 0],
  ["read secret/app", 0],
  ["read auth/kubernetes/role/app", 0],
  ["read transit/keys/app", 0],
  ["read sys/mounts/kv2", 0],
  ["read sys/auth/kubernetes", 0],
  ["read sys/mounts/kv2/tune", 0],
  ["read sys/health", 0],
  ["read sys/nope", 2],
  ["read nowhere/x", 2],
  ["list auth/kubernetes/role", 0],
  ["list transit/keys", 0],
  ["list pki/roles", 0],
  ["list secret/metadata", 0],
  ["list secret/metadata/none", 2],
  ["list sys/policies/acl", 0],
  ["list nowhere", 2],
  ["write secret/data/w data=x", 2],
  ["write secret/data/w -", 0, '{"data": {"a": 1}}'],
  ["write -f transit/keys/other", 0],
  ["write -field=key_version transit/encrypt/app plaintext=aGk=", 0],
  ["write -field=private_key_type pki/issue/web common_name=a.example.test", 0],
  ["write -f nowhere/x", 2],
  ["delete secret/data/w", 0],
  ["delete nowhere/x", 2],
  ["secrets disable kv1", 0],
  ["auth list", 0],
  ["auth list -detailed", 0],
  ["auth enable jwt", 0],
  ["auth disable jwt", 0],
  ["policy list", 0],
  ["policy read app", 0],
  ["policy read none", 2],
  ["policy write other -", 0, 'path "other" { capabilities = ["read"] }'],
  ["policy delete other", 0],
  ["lease lookup nope", 2],
  ["lease revoke -prefix database/", 0],
  ["unwrap nope", 2],
];

/** `keymount dev` in a process of its own, as a person uses it: by what it prints. */
async function startDev(name: string): Promise<{ program: RunningProgram; access: VaultAccess }> {
  const place = await mkdtemp(join(directory, "dev-"));
  const args = [bundle, "dev", "--vault-port=0", "--dir", place];
  const program = runProgram({ name, command: process.execPath, args, log: join(logs, `${name}.log`) });
  const access = await untilReady(program, async () => accessIn(await readFile(program.log, "utf8")), patience());
  return { program, access };
}

function accessIn(printed: string): VaultAccess {
  const [, address, token] = /export VAULT_ADDR=(\S+) VAULT_TOKEN=(\S+)\n/.exec(printed) ?? [];
  if (!address || !token) throw new Error("no export printed yet");
  return { address, token };
}

describe("the vault command", () => {
  let real: VaultDev;
  let dev: Awaited<ReturnType<typeof startDev>>;
  beforeAll(async () => {
    real = await startVaultDev({ binary: binaries.vault, logs, name: "dev-vault" }, patience());
    const admin = new Administrator(real.access);
    await admin.request("DELETE", "sys/mounts/secret");
    await fillDevVault(admin);
    dev = await startDev("keymount-dev");
  });
  afterAll(async () => {
    await Promise.all([real?.stop(), dev?.program.stop()]);
  });

  test.each(commands)("vault %s ends with %i, and prints what it prints for Vault", async (command, code, input) => {
    const [here, there] = await Promise.all([
      runVault(command, dev.access, input),
      runVault(command, real.access, input),
    ]);
    expect(here).toEqual(there);
    expect(here.code, here.printed).toBe(code);
  });

  test("each command that the documentation names is among them", async () => {
    const text = await readFile(join(import.meta.dirname, "..", "..", "docs", "embedded-vault.md"), "utf8");
    const section = text.split("## The vault command\n")[1]!.split("\n## ")[0]!;
    const named = [...section.matchAll(/`vault ([a-z ]+)`/g)].map(([, command]) => command!);
    expect(named.length).toBeGreaterThan(20);
    const tried = commands.filter(([, code]) => code === 0).map(([command]) => `${command} `);
    expect(named.filter((command) => !tried.some((each) => each.startsWith(`${command} `)))).toEqual([]);
  });
});

/** Exit code and both outputs, without what differs from one Vault to the other, or from one run to the next. */
async function runVault(command: string, { address, token }: VaultAccess, input = "") {
  const args = command.split(" ").map((word) => (word === "TOKEN" ? token : word));
  const env = { VAULT_ADDR: address, VAULT_TOKEN: token, HOME: directory, PATH: process.env["PATH"] };
  const [code, printed] = await new Promise<[unknown, string]>((resolve) => {
    const child = execFile(binaries.vault, args, { env, timeout: 30_000 }, (error, stdout, stderr) =>
      resolve([error ? error.code : 0, `${stdout}\n${stderr}`]),
    );
    child.stdin!.end(input);
  });
  return { code, printed: withoutOwn(printed.replaceAll(address, "ADDRESS").replaceAll(token, "TOKEN")) };
}

const own: readonly [what: RegExp, instead: string][] = [
  [/^(cubbyhole|identity)\/.*\n/gm, ""], // The embedded Vault has none, as docs/embedded-vault.md says.
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "UUID"],
  [/vault-cluster-[0-9a-f]{8}/g, "CLUSTER"],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME"],
  [/\b1[789]\d{8}\b/g, "SECONDS"],
  [/\b(auth_)?(kv|kubernetes|token|system|pki|transit|database)_[0-9a-z]{8}\b/g, "ACCESSOR"],
  [/\b[A-Za-z0-9]{24}\b/g, "TOKEN-ACCESSOR"],
  [/"?client_id"?: ?"?[\w=+/-]+"?/g, "CLIENT"],
  [/ +|-{2,}|={2,}/g, " "], // As wide as what they align.
];

function withoutOwn(printed: string): string {
  return own.reduce((text, [what, instead]) => text.replace(what, instead), printed);
}

describe("a signal", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("%s ends keymount dev promptly once it is ready", async (name) => {
    const { program } = await startDev(`keymount-dev-${name}`);
    const { end, isPrompt } = await endOf(program, name);
    expect(end).toMatch(/ ended with 0$/);
    expect(isPrompt).toBe(true);
  });

  // By then it has loaded, is at one start-up step or another, or is ready.
  test.each([300, 400, 500, 600, 700, 800, 1_000, 1_200])("SIGTERM ends it after %i ms", async (ms) => {
    const place = await mkdtemp(join(directory, "dev-"));
    const args = [bundle, "dev", "--vault-port=0", "--dir", place];
    const name = `keymount-dev-${ms}`;
    const program = runProgram({ name, command: process.execPath, args, log: join(logs, `${name}.log`) });
    await new Promise((resolve) => setTimeout(resolve, ms));
    const { end, isPrompt } = await endOf(program, "SIGTERM");
    expect(end).toMatch(/ ended with (0|SIGTERM)$/);
    expect(isPrompt).toBe(true);
  });
});

/** A second on an idle machine; this one is busy with other tests. */
const promptMs = 2_000;

async function endOf(program: RunningProgram, signal: NodeJS.Signals): Promise<{ end: string; isPrompt: boolean }> {
  const start = performance.now();
  program.kill(signal);
  const end = await program.ended;
  return { end, isPrompt: performance.now() - start < promptMs };
}
