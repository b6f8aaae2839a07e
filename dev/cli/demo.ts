import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../src/shared/clock.js";
import type { CommandIo } from "../../src/cli/command-io.js";
import { checkCommand } from "../../src/cli/check.js";
import type { DevEnvironment } from "./environment.js";
import { databaseClass, exampleClass } from "./vault-content.js";
import { devTokens } from "../../src/cli/dev-tokens.js";
import { leasesCommand } from "../../src/cli/leases.js";
import { mountCommand } from "../../src/cli/mount.js";
import { revokeAllCommand } from "../../src/cli/revoke-all.js";
import { painter } from "../../src/cli/paint.js";

/** A little more than the example's refresh interval of a second. */
const refreshMs = 1_300;

const timeoutMs = 6_000;

/** Tells the main story on a running environment, by the commands a person would type. Gives the exit code: 0 when all went as told. */
export async function tellDemo(
  { vault, admin, socketPath, classFile, stateDirectory }: DevEnvironment,
  directory: string,
  io: CommandIo,
  signal: AbortSignal,
): Promise<number> {
  const out = join(directory, "out");
  const surprises: string[] = [];
  const say = (text: string) => io.stdout.write(`\n${painter(io.stdout)("bold", text)}\n`);
  const indented: CommandIo = { ...io, stdout: indent(io), stderr: indent(io) };
  const mount = (file: string, shown: CommandIo = indented) =>
    mountCommand(devTokens).run(["-f", file, "--socket", socketPath, "--out", out], shown, signal);
  const expect = (what: string, went: boolean) => {
    if (!went) surprises.push(what);
  };
  const show = async (file: string) => {
    const text = await readFile(join(out, file), "utf8");
    indented.stdout.write(`$ cat ${file}\n${text}\n`);
    return text;
  };
  const write = async (name: string, change: (text: string) => string) => {
    const file = join(directory, name);
    await writeFile(file, change(exampleClass));
    return file;
  };
  const putPassword = (password: string) => admin.putSecret("app", { username: "app", password, port: 5432 }, "secret");

  say("1. A SecretProviderClass names secrets; a pod that mounts it gets files.");
  indented.stdout.write(exampleClass);
  expect("the first mount succeeds", (await mount(classFile)) === 0);
  await show("db/password");
  await show("app.json");

  say("2. The kubelet asks again about once a minute. While nothing is due, Vault is not asked.");
  const slow = await write("slow.yaml", (text) => text.replace("refreshInterval: 1s", "refreshInterval: 1h"));
  await mount(slow, silent(io));
  const before = vault.log.all.length;
  for (let republish = 0; republish < 5; republish += 1) await mount(slow, silent(io));
  const requests = vault.log.all.length - before;
  indented.stdout.write(`five republishes, ${requests} requests to Vault\n`);
  expect("republishes cost Vault nothing", requests === 0);

  say("3. The password changes in Vault. Once its refreshInterval has passed, the file follows.");
  await putPassword("a new one");
  await systemClock.sleep(refreshMs, signal);
  expect("the mount after the change succeeds", (await mount(classFile)) === 0);
  expect("the new password arrives", (await show("db/password")) === "a new one");

  say("4. Vault is sealed. A pod that has its files keeps them.");
  vault.node.status.sealed = true;
  await systemClock.sleep(refreshMs, signal);
  expect("a mount from memory succeeds", (await mount(classFile)) === 0);
  vault.node.status.sealed = false;

  say("5. Mistakes are explained: all of them at once, to the pod's events.");
  const wrong = await write("wrong.yaml", (text) =>
    text
      .replace("secretKey: password", "secretKey: pasword")
      .replace(
        "secretPath: secret/data/app\n        secretKey: username",
        "secretPath: secret/data/shop\n        secretKey: username",
      ),
  );
  expect("a wrong class is refused", (await mount(wrong)) === 1);

  say("6. A pod's author cannot send the node elsewhere.");
  const elsewhere = await write("elsewhere.yaml", (text) =>
    text.replace("roleName: app", "roleName: app\n    vaultAddress: https://vault.evil.example"),
  );
  expect("another address is refused", (await mount(elsewhere)) === 1);

  say("7. A database login is made for the pod alone, and renewed for as long as the pod lives.");
  const database = join(directory, "database.yaml");
  await writeFile(database, databaseClass);
  vault.log.clear();
  expect("the login is mounted", (await mount(database)) === 0);
  await show("db/username");
  const renewed = () => vault.log.all.some(({ path }) => path === "sys/leases/renew");
  for (let waited = 0; !renewed() && waited < timeoutMs; waited += 100) await systemClock.sleep(100, signal);
  expect("the lease is renewed without a request", renewed());
  indented.stdout.write("$ keymount leases\n");
  const directoryOf = ["--state-dir", stateDirectory];
  expect("keymount lists what it holds", (await leasesCommand.run(directoryOf, indented, signal)) === 0);

  say("8. When the pod is gone its token is revoked, and the database user with it; or all at once, to uninstall.");
  expect("everything is revoked", (await revokeAllCommand.run(["--yes", ...directoryOf], indented, signal)) === 0);
  indented.stdout.write(`${vault.live.users} database users left\n`);
  expect("no database user is left", vault.live.users === 0);

  say("9. And keymount check finds mistakes before they reach a cluster.");
  const misspelt = await write("misspelt.yaml", (text) => text.replace("filePermission: 0400", "filePermision: 0400"));
  expect("a misspelt field is found", (await checkCommand().run([misspelt], indented, signal)) === 1);

  for (const surprise of surprises) io.stderr.write(`\nNot as told: ${surprise}.\n`);
  if (surprises.length === 0)
    say("That was the demo. `node dist/keymount.js dev` starts the same for you to play with.");
  return surprises.length === 0 ? 0 : 1;
}

function indent(io: CommandIo): CommandIo["stdout"] {
  let atLineStart = true;
  return {
    ...(io.stdout.colours && { colours: true }),
    write: (text: string) => {
      const shown = (atLineStart ? "   " : "") + text.replace(/\n(?=[^\n])/g, "\n   ");
      atLineStart = text.endsWith("\n");
      return io.stdout.write(shown);
    },
  };
}

function silent(io: CommandIo): CommandIo {
  const nowhere = { write: () => true };
  return { ...io, stdout: nowhere, stderr: nowhere };
}
