import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, realpath, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll } from "vitest";
import { stringify } from "yaml";
import type { CredentialInfo } from "../../src/shared/credential-info.js";
import { type Engines, type Lifetimes, enableEngines } from "./engines.js";
import { createKeymountAccount } from "./keymount-account.js";
import { KubeApi } from "./kube-api.js";
import { unmountAll } from "./mounts.js";
import type { LoginDatabase } from "./login-database.js";
import { type Fixture, createFixture } from "./fixture.js";
import { type Server, vaultOfTheRun } from "./server.js";
import type { VaultAccess } from "./vault-api.js";
import type { Volume } from "./volume.js";

const run = promisify(execFile);

/** A fixture with what credentials need: a database, engines of its own, and a keymount that watches pods and keeps state. */
export interface LeaseFixture extends Fixture, Engines {
  readonly logins: LoginDatabase;
  /** What keymount says that it holds. */
  readonly held: () => Promise<CredentialInfo[]>;
  /** The users that Vault has made, and not yet dropped. */
  readonly users: () => Promise<string[]>;
  /** Logs in to the database as a volume's files say at this moment, and gives who one is there. */
  readonly logIn: (volume: Volume) => Promise<string>;
}

export interface LeaseFixtureOptions extends Lifetimes {
  /** Whether the driver republishes at all. */
  readonly rotation?: false;
  /** The run's Vault unless said. */
  readonly server?: Server;
  /** Another Vault than the server's; and all its addresses. */
  readonly vault?: { readonly access: VaultAccess; readonly addresses: readonly string[] };
  /** Of keymount's Node. */
  readonly nodeFlags?: readonly string[];
  /** Further settings of the configuration file. */
  readonly settings?: object;
}

/** What the chart gives. */
export const chartRules = [
  { apiGroups: [""], resources: ["secrets"], verbs: ["get", "create"] },
  { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
  { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
];

export async function createLeaseFixture(label: string, options: LeaseFixtureOptions): Promise<LeaseFixture> {
  const { stack: shared, startDatabase } = options.server ?? (await vaultOfTheRun());
  const { directory, kubernetes, logs } = shared;
  const stack = options.vault ? { ...shared, vault: { ...shared.vault, ...options.vault.access } } : shared;
  const tornDown = new AbortController();
  const logins = await startDatabase(join(logs, label), tornDown.signal);
  afterAll(async () => {
    tornDown.abort();
    await logins.stop();
  });
  const state = await mountState(directory);
  const config = join(directory, `${label}.yaml`);
  const settings = {
    connections: { main: { addresses: options.vault?.addresses ?? [stack.vault.address] } },
    keySecret: "keymount-key",
    driverPollInterval: "1s",
    stateDir: join(state, "vault"),
    podWatch: true,
    events: true,
    ...options.settings,
  };
  await writeFile(config, stringify(settings));
  const serviceAccount = await createKeymountAccount(new KubeApi(kubernetes), chartRules);
  const providers = { vault: { serviceAccount, flags: [`--config=${config}`], nodeFlags: options.nodeFlags } };
  const rotates = options.rotation ?? true;
  const how = { driver: "1.6.0", ...(rotates && { rotationPollInterval: "1s" }), providers } as const;
  const fixture = await createFixture(label, how, stack);
  const engines = await enableEngines(fixture.app, logins, options);
  return {
    ...fixture,
    ...engines,
    logins,
    held: () => askHeld(join(state, "vault", "lock")),
    users: logins.users,
    logIn: async (volume) => {
      const [user, password] = await ofOneMoment(volume, ["user", "password"]);
      return logins.logIn(user!, password!);
    },
  };
}

/**
 * What the pod sees changes in one step: the link is followed once, for all files. The driver removes the directory before as soon
 * as there is a new one, perhaps before all of them are opened: then the link leads elsewhere.
 */
async function ofOneMoment(volume: Volume, files: readonly string[]): Promise<string[]> {
  const follow = () => realpath(join(volume.folder, "..data"));
  const data = await follow();
  try {
    return await Promise.all(files.map((file) => readFile(join(data, file), "utf8")));
  } catch (error) {
    if ((await follow()) === data) throw error;
    return ofOneMoment(volume, files);
  }
}

/** A tmpfs, as /run is on a node. */
export async function mountState(directory: string): Promise<string> {
  const state = join(directory, `s-${randomBytes(3).toString("hex")}`);
  await mkdir(state, { mode: 0o755 });
  await run("mount", ["-t", "tmpfs", "-o", "mode=0755,size=64m", "tmpfs", state]);
  afterAll(() => unmountAll(state));
  return state;
}

/** As `keymount leases --output json` asks. */
function askHeld(socketPath: string): Promise<CredentialInfo[]> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path: "/v1/leases" }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("error", reject).on("end", () => resolve(JSON.parse(text) as CredentialInfo[]));
    });
    call.on("error", reject).end();
  });
}
