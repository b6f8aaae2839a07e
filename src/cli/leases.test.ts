import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { podVolumePath } from "../driver/mount-request.js";
import type { CredentialInfo } from "../shared/credential-info.js";
import { answering } from "../../dev/vault/faults.js";
import type { DevVault } from "../../dev/vault/dev-vault.js";
import { startReadyVault } from "../../dev/testing/ready-vault.js";
import { temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { filesIn, startProvider } from "../../dev/testing/start-provider.js";
import { withDatabase } from "../../dev/testing/with-database.js";
import type { Command, CommandIo } from "./command-io.js";
import { leasesCommand } from "./leases.js";
import { revokeAllCommand } from "./revoke-all.js";

const never = new AbortController().signal;
const rfc3339: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
/** What a policy denies. */
const notAllowed = "1 error occurred:\n\t* permission denied\n\n";
const login = "- {objectName: user, secretPath: database/creds/app, secretKey: username}";

/** A keymount that holds a database login for pod shop/web-0, and what it can be started with again. */
async function holding({ tokenPer = "pod", objects = login } = {}) {
  const vault = await startReadyVault();
  onTestFinished(() => vault.stop());
  await withDatabase(vault);
  const state = join(await temporaryDirectory(), "state");
  const file = `stateDir: ${state}\nstateOnDisk: true\nkeyFile: /k\nconnections: {main: {addresses: ["${vault.address}"], tokenPer: ${tokenPer}}}`;
  const start = () => startProvider({ vault, argv: [], file });
  const provider = await start();
  const mountBy = async (of: typeof provider, volume?: string) =>
    filesIn(await of.mount({ objects }, { targetPath: podVolumePath("uid-1", volume) }));
  const mount = () => mountBy(provider);
  const files = (await mount()) as Record<string, string>;
  return { vault, provider, start, state, file, mount, mountBy, files };
}

async function call(command: Command, argv: readonly string[], files: Record<string, string> = {}) {
  const written = { stdout: "", stderr: "" };
  const to = (stream: keyof typeof written) => ({ write: (text: string) => (written[stream] += text) });
  const io: CommandIo = {
    program: "keymount",
    stdout: to("stdout"),
    stderr: to("stderr"),
    readFile: async (path) => files[path] ?? Promise.reject(Object.assign(new Error(), { code: "ENOENT" })),
  };
  return { code: await command.run(argv, io, never), ...written };
}

test("what is held, for whom, and until when; never what it is", async () => {
  const { vault, state, files } = await holding();
  const { code, stdout } = await call(leasesCommand, ["--state-dir", state, "-o", "json"]);
  expect(code).toBe(0);
  const { credentials: held } = JSON.parse(stdout) as { credentials: CredentialInfo[] };
  for (const { renewAt, endsAt } of held) expect([renewAt, endsAt].map(String)).toEqual([rfc3339, rfc3339]);
  const common = {
    connection: "main",
    role: "web",
    volumes: 1,
    namespace: "shop",
    pods: [{ namespace: "shop", name: "web-0", uid: "uid-1" }],
  };
  expect(held).toEqual([
    expect.objectContaining({
      ...common,
      kind: "token",
      engine: "token",
      path: "auth/kubernetes/login",
      state: "held",
    }),
    expect.objectContaining({
      ...common,
      kind: "lease",
      engine: "database",
      path: "database/creds/app",
      state: "held",
    }),
  ]);
  const token = vault.vault.cluster.tokens.all().find(({ id }) => id !== vault.vault.rootToken)!;
  const lease = vault.vault.cluster.leases.all()[0]!;
  for (const secret of [token.id, lease.id, files["user"]!]) expect(stdout).not.toContain(secret);
  expect(held[0]?.tokenAccessor).toBe(token.accessor);
  expect((await call(leasesCommand, ["--state-dir", state])).stdout).toMatch(
    /lease +database +main .* shop\/web-0 +held +renewed in/,
  );
});

test("of one pod, or one namespace, only", async () => {
  const { state } = await holding();
  const count = async (...argv: string[]) =>
    (
      JSON.parse((await call(leasesCommand, ["--state-dir", state, "-o", "json", ...argv])).stdout) as {
        credentials: unknown[];
      }
    ).credentials.length;
  expect(await count("--pod", "web-0", "-n", "shop")).toBe(2);
  expect(await count("--pod", "web-1")).toBe(0);
  expect(await count("-n", "other")).toBe(0);
});

test.each<[string, string[], string]>([
  ["of a pod", ["--pod", "none"], "No credentials of the pod none on this node.\n"],
  ["of a pod of a namespace", ["--pod", "none", "-n", "shop"], "No credentials of the pod shop/none on this node.\n"],
  ["of a namespace", ["-n", "none"], "No credentials of the namespace none on this node.\n"],
])("where there is nothing %s, it says so", async (_what, argv, said) => {
  const { state } = await holding();
  expect(await call(leasesCommand, ["--state-dir", state, ...argv])).toEqual({ code: 0, stdout: "", stderr: said });
});

test.each([
  ["leases", leasesCommand, []],
  ["revoke-all", revokeAllCommand, ["--yes"]],
] as const)("%s says after a clean stop that keymount is not running", async (name, command, argv) => {
  const { state, provider } = await holding();
  await provider.stop();
  expect(await call(command, [...argv, "--state-dir", state])).toEqual({
    code: 1,
    stdout: "",
    stderr: `keymount ${name}: keymount is not running with the state directory ${state}\n`,
  });
});

test("the configuration file says where, so that in the container nothing need be said", async () => {
  const { file } = await holding();
  expect((await call(leasesCommand, [], { "/etc/keymount/keymount.yaml": file })).code).toBe(0);
  expect((await call(leasesCommand, ["--config", "/other"], { "/other": file })).code).toBe(0);
});

test("revoke-all revokes everything, and serves nothing after", async () => {
  const { vault, state, mount } = await holding();
  expect((await call(revokeAllCommand, ["--state-dir", state])).code).toBe(2);
  expect(vault.vault.live.users).toBe(1);
  expect(await call(revokeAllCommand, ["--yes", "--state-dir", state])).toMatchObject({
    code: 0,
    stdout: "1 token was revoked, with all its leases\n",
  });
  expect(vault.vault.live).toEqual({ tokens: 0, leases: 0, users: 0 });
  expect(await mount()).toMatch(/FAILED_PRECONDITION: everything was revoked on this node/);
});

test("after revoke-all and a restart nothing is served from before, though Vault is away", async () => {
  const app = "- {objectName: app, secretPath: kv/data/app, secretKey: password}";
  const { vault, provider, start, state, mountBy } = await holding({
    tokenPer: "serviceAccount",
    objects: `${login}\n${app}`,
  });
  expect((await call(revokeAllCommand, ["--yes", "--state-dir", state])).code).toBe(0);
  expect(await readdir(join(state, "records"))).toEqual([]);
  await provider.stop();
  vault.vault.node.status.sealed = true;
  const after = await start();
  for (const volume of [undefined, "another"]) expect(await mountBy(after, volume)).toMatch(/is sealed/);
});

test("revoke-all counts what could not be deleted", async () => {
  const { state } = await holding();
  const records = () => readdir(join(state, "records"));
  await expect.poll(records).toEqual([expect.stringMatching(/^[0-9a-f]+$/)]); // None is half written.
  const path = join(state, "records", (await records())[0]!);
  await rm(path);
  await mkdir(path);
  expect(await call(revokeAllCommand, ["--yes", "--state-dir", state])).toMatchObject({
    code: 1,
    stdout:
      "1 token was revoked, with all its leases; 1 file of the state directory could not be deleted (see keymount's log): that is tried again while keymount runs\n",
  });
});

test("revoke-all counts a token that OpenBao does not know any more as revoked", async () => {
  const { vault, state } = await holding();
  vault.vault.fault({ path: "auth/token/revoke-self" }, answering(403, '{"errors":["permission denied"]}'));
  const { code, stdout } = await call(revokeAllCommand, ["--yes", "--state-dir", state, "-o", "json"]);
  expect([code, JSON.parse(stdout)]).toEqual([0, { revoked: 1, failed: 0, retried: 0, undeleted: 0 }]);
});

test("revoke-all -o json counts", async () => {
  const { state } = await holding();
  const { code, stdout } = await call(revokeAllCommand, ["--yes", "--state-dir", state, "-o", "json"]);
  expect([code, JSON.parse(stdout)]).toEqual([0, { revoked: 1, failed: 0, retried: 0, undeleted: 0 }]);
});

test.each<[string, (vault: DevVault) => void, string]>([
  [
    "for now: it is tried again",
    (vault) => void (vault.node.status.sealed = true),
    "Vault does not answer for 1 more: revoking is tried again while keymount runs",
  ],
  [
    "for good: it expires",
    (vault) =>
      vault.fault({ path: "auth/token/revoke-self" }, answering(403, JSON.stringify({ errors: [notAllowed] }))),
    "Vault refuses to revoke 1 more: they end with their TTL",
  ],
])("what cannot be revoked %s", async (_what, breakIt, words) => {
  const { vault, state } = await holding();
  breakIt(vault.vault);
  const { code, stdout } = await call(revokeAllCommand, ["--yes", "--state-dir", state]);
  expect([code, stdout]).toEqual([1, `0 tokens were revoked, with all their leases; ${words}\n`]);
});

test.each<[string, readonly string[], Record<string, string>, number, RegExp]>([
  [
    "no keymount runs there",
    ["--state-dir", "/nowhere/state"],
    {},
    1,
    /^keymount leases: keymount is not running with the state directory \/nowhere\/state\n$/,
  ],
  [
    "no setting names the directory",
    [],
    {},
    2,
    /cannot read \/etc\/keymount\/keymount\.yaml: there is no such file; name the state directory with --state-dir/,
  ],
  [
    "the file says no directory",
    [],
    { "/etc/keymount/keymount.yaml": "connections: {a: {addresses: [http://v]}}" },
    2,
    /names no stateDir/,
  ],
  [
    "the file is invalid: one mistake a line",
    [],
    { "/etc/keymount/keymount.yaml": "nope: 1\nneither: 2" },
    2,
    /is an invalid configuration:\n {2}[^]+\n {2}\S+:1:1: nope: .+\n {2}\S+:2:1: neither: .+\n$/,
  ],
  ["a format that there is not", ["-o", "xml"], {}, 2, /--output is table or json, not "xml"/],
  ["an option that there is not", ["--nope"], {}, 2, /nope/],
])("where %s", async (_what, argv, files, code, message) => {
  const said = await call(leasesCommand, argv, files);
  expect(said.code).toBe(code);
  expect(said.stderr).toMatch(message);
});
