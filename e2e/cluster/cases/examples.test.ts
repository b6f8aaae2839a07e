import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { makeIdentity } from "../../../dev/testing/certificates.js";
import { eventually } from "../../stack/eventually.js";
import type { KubeObject } from "../../stack/kube-api.js";
import { enableDatabaseEngine, startPostgres } from "../../stack/postgres.js";
import { RunningPod, type PodObject, type SeenFile } from "../stack/running-pod.js";
import { createFixture } from "../stack/fixture.js";
import { keymountImage } from "../stack/keymount.js";
import { Workloads } from "../stack/workloads.js";

const run = promisify(execFile);
const folder = join(import.meta.dirname, "../../../deploy/examples");
const { cluster, app, signal, atTheEnd } = await createFixture("examples");
const { kube, vault } = app;
const directory = await mkdtemp(join(cluster.directory, "examples-"));

// The namespace, the account and the mounts that the examples name.
const shop = new Workloads(cluster, "shop", "shop");
await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
await kube.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "shop", namespace: "shop" } });
afterAll(() => shop.removeAll(), 400_000);
const postgres = await startPostgres({ logs: join(cluster.logs, "examples") }, signal);
atTheEnd(() => postgres.stop());
await enableDatabaseEngine(vault, postgres, { name: "shop", ttl: "1h", maxTtl: "24h" });
await vault.request("POST", "sys/mounts/pki", { type: "pki", config: { max_lease_ttl: "87600h" } });
await vault.request("POST", "pki/root/generate/internal", { common_name: "shop CA", ttl: "8760h" });
await vault.request("POST", "sys/mounts/transit", { type: "transit" });
const web = makeIdentity({ commonName: "www.shop.example" });
await writeFile(join(directory, "web.crt"), web.cert);
await writeFile(join(directory, "web.key"), web.key);

/** Does what the comment at the example's head tells the reader to do in Vault, with a password where it leaves one open. */
async function prepareVault(text: string): Promise<string> {
  const commands = [...text.matchAll(/^# {3}(vault .*)$/gm)].map(([, command]) => command!.replaceAll("…", "hunter2"));
  expect(commands.length).toBeGreaterThan(0);
  const ca = join(directory, "vault-ca.pem");
  await writeFile(ca, vault.access.ca ?? "");
  const { stdout } = await run("bash", ["--norc", "-euc", ['vault() { "$VAULT" "$@"; }', ...commands].join("\n")], {
    cwd: directory,
    signal,
    env: {
      PATH: process.env["PATH"],
      VAULT: cluster.binaries.vault,
      HOME: directory,
      VAULT_ADDR: vault.access.address,
      VAULT_TOKEN: vault.access.token,
      ...(vault.access.ca && { VAULT_CACERT: ca }),
    },
  });
  return stdout;
}

const textOf = (file: string) => readFile(join(folder, file), "utf8");

/** The API server of an older Kubernetes refuses a pod with `fileKeyRef`. */
const hasEnvFiles = Number((await kube.request<{ minor: string }>("GET", "/version")).minor) >= 35;

/** Applies the example; gives the name of its class. Its pods take the image that is here. */
async function apply(text: string): Promise<string> {
  const objects = parseAllDocuments(text).map((document) => document.toJS() as KubeObject & { spec: PodSpec });
  for (const object of objects) {
    if (!hasEnvFiles && JSON.stringify(object).includes("fileKeyRef")) continue;
    const { initContainers = [], containers = [] } = object.spec.template?.spec ?? object.spec;
    for (const container of [...initContainers, ...containers]) {
      container.image = container.image.includes("/keymount:") ? keymountImage : "localhost/busybox:e2e";
      container.imagePullPolicy = "Never";
    }
    await kube.create(object);
  }
  return objects.find(({ kind }) => kind === "SecretProviderClass")!.metadata.name;
}

interface PodSpec {
  template?: { spec: PodSpec };
  initContainers?: Container[];
  containers?: Container[];
}

interface Container {
  image: string;
  imagePullPolicy?: string;
}

/** The example's own pod, once it runs. */
function examplePod(name: string): Promise<RunningPod> {
  return eventually(async () => {
    const pods = await kube.list<PodObject>({ apiVersion: "v1", kind: "Pod" }, "shop");
    const pod = pods.find(({ metadata }) => metadata.name === name);
    if (!pod?.status.containerStatuses?.[0]?.ready) throw new Error("the example's own pod does not run");
    return new RunningPod(cluster, pod);
  }, signal);
}

type Files = Record<string, SeenFile>;

/** What the files of each example are, seen in a pod. */
const expectations: Record<string, (files: Files, className: string) => unknown> = {
  "kv.yaml": async (files) => {
    expect(files["db/password"]).toMatchObject({ text: "hunter2", mode: "444" });
    expect(JSON.parse(files["db.json"]!.text)).toMatchObject({ data: { data: { password: "hunter2" } } });
    expect(await (await examplePod("shop")).exec("cat", "/secrets/db/password")).toBe("hunter2");
  },
  "kv-to-secret.yaml": async (files) => {
    expect(files["db/password"]!.text).toBe("hunter2");
    expect(await synced("db")).toEqual({ type: "Opaque", data: { password: "hunter2" } });
  },
  "pki.yaml": (files) => {
    expect(files["tls.crt"]!.text).toMatch(/^-----BEGIN CERTIFICATE-----/);
    expect(files["tls.key"]).toMatchObject({ mode: "444", text: expect.stringContaining("PRIVATE KEY") as string });
  },
  "ssh-certificate.yaml": async (files) => {
    expect(files["id"]).toMatchObject({ mode: "444", text: expect.stringContaining("PRIVATE KEY") as string });
    const certificate = await onDisk(files, "id-cert.pub");
    const { stdout } = await run("ssh-keygen", ["-L", "-f", certificate]);
    expect(stdout).toMatch(/ssh-ed25519-cert-v01@openssh.com user certificate[\s\S]*Principals: *\n *deploy\n/);
  },
  "transit.yaml": (files) => expect(files["licence.txt"]!.text).toBe("hunter2\n"),
  "every-key.yaml": (files) =>
    expect(texts(files)).toEqual({ "db/host": "db.shop.svc", "db/user": "shop", "db/password": "hunter2" }),
  "recursive.yaml": (files) =>
    expect(texts(files)).toEqual({
      "app/db/user": "shop",
      "app/db/password": "hunter2",
      "app/mail/smtp/host": "smtp.shop.svc",
      "app/mail/smtp/password": "hunter2",
      "mail/smtp/host": "smtp.shop.svc",
      user: "shop",
    }),
  "formats.yaml": (files) => {
    const { "answer.json": answer, ...others } = texts(files);
    expect(JSON.parse(answer!)).toHaveProperty("data.data.PASSWORD", "hunter2");
    expect(others).toEqual({
      "settings.env": "HOST=db.shop.svc\nPASSWORD=hunter2\nPORT=5432\n",
      "docker.env": "HOST=db.shop.svc\nPASSWORD=hunter2\nPORT=5432\n",
      "application.properties": "HOST=db.shop.svc\nPASSWORD=hunter2\nPORT=5432\n",
      "settings.yaml": 'HOST: "db.shop.svc"\nPASSWORD: "hunter2"\nPORT: "5432"\n',
      "settings.json": '{"HOST":"db.shop.svc","PASSWORD":"hunter2","PORT":"5432"}',
      password: "hunter2",
    });
  },
  "kube-env.yaml": async (files) => {
    expect(files["app.env"]!.text).toBe("HOST='db.shop.svc'\nPASSWORD='hunter2'\nPORT='5432'\n");
    if (!hasEnvFiles) return;
    const container = await examplePod("kube-env");
    expect((await container.exec("cat", "/proc/1/environ")).split("\0")).toContain("DB_PASSWORD=hunter2");
  },
  "registry.yaml": async () => {
    const { type, data } = await synced("registry");
    expect(type).toBe("kubernetes.io/dockerconfigjson");
    expect(JSON.parse(data[".dockerconfigjson"]!)).toHaveProperty(["auths", "registry.example", "password"], "hunter2");
  },
  "pem-bundle.yaml": async (files) => {
    expect(files["tls.pem"]!.text.match(/-----BEGIN [A-Z ]+-----/g)).toHaveLength(2);
    const { type, data } = await synced("web-tls");
    expect(type).toBe("kubernetes.io/tls");
    expect(data["tls.crt"]).toContain("BEGIN CERTIFICATE");
    expect(data["tls.key"]).toContain("PRIVATE KEY");
  },
  "keystore.yaml": async (files) => {
    const [keystore, truststore] = await Promise.all([onDisk(files, "keystore.p12"), onDisk(files, "truststore.p12")]);
    const openssl = await run("openssl", ["pkcs12", "-in", keystore, "-passin", "pass:hunter2", "-nodes"]);
    expect(openssl.stdout).toMatch(/BEGIN PRIVATE KEY/);
    expect(openssl.stdout.match(/BEGIN CERTIFICATE/g)!.length).toBeGreaterThan(1);
    expect(await keytool(keystore)).toMatch(
      /Alias name: www\n[\s\S]*Entry type: PrivateKeyEntry\nCertificate chain length: 2/,
    );
    expect(await keytool(truststore)).toMatch(/Alias name: ca\n[\s\S]*Entry type: trustedCertEntry/);
  },
  "templates.yaml": async (files) => {
    const { text = "", mode } = files["pg_service.conf"] ?? {};
    const [section, ...lines] = text.trim().split("\n");
    const service = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s, 2))) as Record<string, string>;
    const { user = "", password = "", ...rest } = service;
    expect({ section, ...rest, mode }).toEqual({
      section: "[shop]",
      host: "db.shop.svc",
      port: "5432",
      dbname: "shop",
      mode: "444",
    });
    expect(await postgres.sqlAs(user, password, "select current_user")).toEqual([user]);
    expect(JSON.parse(files["config.json"]!.text)).toEqual({
      url: `postgres://${user}:${encodeURIComponent(password)}@db.shop.svc:5432/shop`,
      pool: 5,
    });
    expect(await postgres.sql("select rolname from pg_roles where rolname like 'v-%-shop-%'")).toHaveLength(1);
  },
  "rollouts.yaml": async (files) => {
    expect(files["api-key"]!.text).toBe("hunter2");
    const [user, password] = [files["db/username"]!.text, files["db/password"]!.text];
    expect(await postgres.sqlAs(user, password, "select current_user")).toEqual([user]);
  },
  "notify.yaml": async (files) => {
    expect(files["httpd.conf"]!.text).toBe("/:shop:hunter2\n");
    const [pod] = await shop.running("httpd", 1, signal);
    await pod!.exec("sh", "-c", "echo page > /www/index.html");
    const page = (password: string) =>
      pod!.exec(
        "wget",
        "-q",
        "-O",
        "-",
        `--header=Authorization: Basic ${btoa(`shop:${password}`)}`,
        "http://127.0.0.1:8080/",
      );
    expect(await page("hunter2")).toBe("page\n");
    await vault.writeSecret("shop/httpd", { user: "shop", password: "hunter3" });
    await shop.annotate(pod!.name, { "keymount.dev/refresh": "now" });
    await eventually(async () => expect(await page("hunter3")).toBe("page\n"), signal, 60_000);
    await expect(page("hunter2")).rejects.toThrow("401");
    await shop.removeDeployment("httpd", signal);
  },
  "optional.yaml": (files) =>
    expect(texts(files)).toEqual({ password: "hunter2", "log-level": "info", replica: "db.shop.svc" }),
};

function texts(files: Files): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([path, { text }]) => [path, text]));
}

async function onDisk(files: Files, name: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, files[name]!.bytes);
  return path;
}

async function keytool(keystore: string): Promise<string> {
  const args = ["-list", "-v", "-storetype", "PKCS12", "-keystore", keystore, "-storepass", "hunter2"];
  return (await run("keytool", args, { env: { ...process.env, LC_ALL: "C" } })).stdout;
}

/** A Secret that the driver makes. */
async function synced(name: string): Promise<{ type: string; data: Record<string, string> }> {
  return eventually(async () => {
    const secret = await kube.get<KubeObject & { type: string; data: Record<string, string> }>({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace: "shop" },
    });
    const decoded = Object.entries(secret.data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]);
    return { type: secret.type, data: Object.fromEntries(decoded) as Record<string, string> };
  }, signal);
}

test("every example is tried", async () => {
  expect(Object.keys(expectations).sort()).toEqual((await readdir(folder)).sort());
});

// The first makes the role that all of them log in to.
test.each(Object.entries(expectations))(
  "deploy/examples/%s, its commands and its objects as they are, gives what it says",
  async (file, expectFiles) => {
    const text = await textOf(file);
    const said = await prepareVault(text);
    // The ciphertext is another in each Vault, which is what the example's comment says.
    const ciphertext = /vault:v1:[\w+/=]+/;
    const applied = ciphertext.test(said) ? text.replace(ciphertext, ciphertext.exec(said)![0]) : text;
    const className = await apply(applied);
    const pod = await shop.runPod({ volumes: { secrets: { secretProviderClass: className } } }, signal);
    await expectFiles(await pod.files("secrets"), className);
    await shop.removePod(pod.name, signal);
  },
  120_000,
);
