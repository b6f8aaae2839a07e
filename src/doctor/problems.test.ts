import { rename, writeFile } from "node:fs/promises";
import type { ServerOptions } from "node:https";
import { join } from "node:path";
import { afterAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { answering, delayed, erring, html } from "../../dev/vault/faults.js";
import { type Identity, makeIdentity } from "../../dev/testing/certificates.js";
import { doctorsReports, type DoctorRun, filesOnDisk } from "../../dev/testing/doctor-fixture.js";
import { type Handler, serveHttp, serveRaw } from "../../dev/testing/http-server.js";
import { type ApiAnswer, refusal, startKubernetesApi } from "../../dev/testing/kubernetes-api.js";
import { type ReadyVault, startReadyVault, webRole } from "../../dev/testing/ready-vault.js";
import { mountWith, startTestServer, temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { type ProblemName, problems } from "./problems.js";
import type { Report } from "./check-runner.js";

interface Fixture extends DoctorRun {
  argv: readonly string[];
}

const product = inject("product");
/** Of what no embedded server answers: once is enough. */
const describeOnce = describe.skipIf(product === "openbao");

const found = new Set<string>();
afterAll(() => {
  if (product === "openbao") return;
  expect([...found].sort(), "problems that no test here finds").toEqual(Object.keys(problems).sort());
});

/** Walks, and expects this to be the first problem, or the only one of its name. */
async function expectProblem(name: ProblemName, what: RegExp, fixture: Fixture): Promise<Report[]> {
  const reports = await doctorsReports(fixture.argv, fixture);
  const broken = reports.filter((report) => report.result === "broken");
  expect(broken.map((report) => report.problem)).toContain(name);
  const one = broken.find((report) => report.problem === name)!;
  expect(one.what).toMatch(what);
  expect(one).toMatchObject({ step: name.split(".")[0], who: problems[name].who });
  expect(JSON.stringify(reports)).not.toMatch(/hunter2|canary/);
  found.add(name);
  return reports;
}

/** A table of problems: what causes each, and its report. */
function table(rows: readonly Row[], tests: Pick<typeof test, "each"> = test): void {
  tests.each(rows)("%s: %s", async (name, _what, words, fixture) => {
    await expectProblem(name, words, await fixture());
  });
}
const tableOnce = (rows: readonly Row[]) => table(rows, test.skipIf(product === "openbao"));
type Row = readonly [ProblemName, string, RegExp, () => Promise<Fixture>];

/** What a policy denies. */
const notAllowed = "1 error occurred:\n\t* permission denied\n\n";
const noListener = "http://127.0.0.1:9";

describeOnce("the driver's socket", () => {
  const at = async (prepare: (path: string) => Promise<unknown>, ...flags: string[]): Promise<Fixture> => {
    const path = join(await temporaryDirectory(), "vault.sock");
    await prepare(path);
    return { argv: [`--endpoint=${path}`, `--vault-addr=${noListener}`, ...flags] };
  };
  const listening = (path: string) =>
    serveHttp(() => undefined, { path }).then((server) => onTestFinished(() => server.close()));

  table([
    ["socket.absent", "nothing in the directory", /^there is no socket$/, () => at(async () => undefined)],
    [
      "socket.stale",
      "left behind by one that was killed",
      /^nothing listens/,
      () =>
        at(async (path) => {
          const server = await serveHttp(() => undefined, { path: `${path}.old` });
          await rename(`${path}.old`, path);
          await server.close();
        }),
    ],
    ["socket.not-a-socket", "a file", /^there is a file, no socket$/, () => at((path) => writeFile(path, ""))],
    [
      "socket.mute",
      "a listener that speaks no gRPC",
      /Version|no answer within 0.3 s/,
      () => at(listening, "--timeout=300ms"),
    ],
    [
      "socket.other-program",
      "the Go provider",
      /^"vault-csi-provider" "1.5.0" answers here$/,
      () =>
        at((socketPath) =>
          startTestServer({
            socketPaths: [socketPath],
            service: {
              version: () => ({ version: "v1alpha1", runtimeName: "vault-csi-provider", runtimeVersion: "1.5.0" }),
              mount: mountWith(() => Promise.reject(new Error("doctor mounts nothing"))),
            },
          }),
        ),
    ],
  ]);

  test("is looked for in both directories, and a stale one where the driver looks first is a problem", async () => {
    const [etc, run] = [await temporaryDirectory(), await temporaryDirectory()];
    await startTestServer({ socketPaths: [join(run, "vault.sock")] });
    const server = await serveHttp(() => undefined, { path: join(etc, "old") });
    await rename(join(etc, "old"), join(etc, "vault.sock"));
    await server.close();
    const argv = [`--socket-dir=${run}`, `--vault-addr=${noListener}`];
    const reports = await doctorsReports(argv, { stage: { driverDirectories: [etc, run] } });
    expect(reports.filter(({ step }) => step === "socket")).toMatchObject([
      { subject: join(etc, "vault.sock"), result: "broken", problem: "socket.stale" },
      { subject: join(run, "vault.sock"), result: "passed" },
    ]);
  });
});

const never = () => Promise.reject(new Error("no name is looked up here"));
const failingLookup = (code: string) => () => Promise.reject(Object.assign(new Error("canary"), { code }));

describeOnce("configuration, names and connections", () => {
  const toward = (address: string, stage: Fixture["stage"] = {}): Promise<Fixture> =>
    Promise.resolve({ argv: [`--vault-addr=${address}`], stage: { lookup: never, ...stage } });
  const unreachable = `connections: {main: {addresses: ["http://224.0.0.1:8200"], limits: {connectTimeout: 100ms}}}`;

  table([
    [
      "configuration.mistake",
      "a flag's value",
      /--log-level: "[^"]+" must be one of trace, debug/,
      async () => ({ argv: ["--log-level=loud"] }),
    ],
    [
      "dns.absent",
      "an unknown name",
      /^DNS knows no vault.example$/,
      () => toward("https://vault.example:8200", { lookup: failingLookup("ENOTFOUND") }),
    ],
    [
      "dns.silent",
      "a resolver that is away",
      /^DNS does not say what vault.example is \(EAI_AGAIN\)$/,
      () => toward("https://vault.example:8200", { lookup: failingLookup("EAI_AGAIN") }),
    ],
    ["tcp.refused", "a closed port", /^127.0.0.1:9 refuses connections$/, () => toward(noListener)],
    ["tcp.refused", "no socket", /^\/nowhere\/vault.sock is not there$/, () => toward("unix:///nowhere/vault.sock")],
    [
      "tcp.unreachable",
      "an address nothing leads to",
      /^224.0.0.1:8200 cannot be reached: there is no route to it$/,
      async () => ({ argv: ["--config=k.yaml"], files: { "k.yaml": unreachable } }),
    ],
  ]);

  test("of a name's addresses one is enough, and those that refuse are reported", async () => {
    const vault = await readyVault();
    const port = new URL(vault.address).port;
    const reports = await doctorsReports([`--vault-addr=http://localhost:${port}`], {
      stage: { lookup: async () => ["127.0.0.9", "127.0.0.1"] },
    });
    expect(reports.find(({ step }) => step === "tcp")).toMatchObject({
      result: "passed",
      warnings: [`127.0.0.9:${port} refuses connections`],
    });
    expect(reports.find(({ step }) => step === "vault")).toMatchObject({ result: "passed" });
  });

  test("what depends on a problem is skipped, and another address is", async () => {
    const vault = await readyVault();
    const file = `connections: {main: {addresses: ["${noListener}", "${vault.address}"]}}`;
    const reports = await doctorsReports(["--config=k.yaml"], { files: { "k.yaml": file } });
    const results = (origin: string) => reports.filter(({ subject }) => subject === origin).map(({ result }) => result);
    expect(results(noListener)).toEqual(["passed", "broken", "skipped", "skipped"]);
    expect(results(vault.address)).toEqual(["passed", "passed", "passed", "passed"]);
    expect(reports.find(({ step }) => step === "auth")).toMatchObject({ result: "passed" });
  });
});

async function readyVault(): Promise<ReadyVault> {
  const vault = await startReadyVault();
  onTestFinished(() => vault.stop());
  return vault;
}

const health = {
  initialized: true,
  sealed: false,
  standby: false,
  performance_standby: false,
  replication_dr_mode: "disabled",
  version: "1.21.1",
  cluster_id: "11111111-2222-3333-4444-555555555555",
};

/** OpenBao 2.6.2 tells fewer things. */
const ofOpenBao = { version: "2.6.2", performance_standby: undefined };
const openBao = { ...health, ...ofOpenBao };

/** What each method answers to a login with nothing of its own: Vault 1.21.1's words, and OpenBao 2.6.2's for approle. */
const otherMethods: readonly [string, number, string][] = [
  ["approle", 500, "failed to determine alias name from login request"],
  ["approle", 500, "missing role_id"],
  ["approle", 400, "missing role_id"],
  ["aws", 400, "didn't supply required authentication values"],
  ["azure", 400, "jwt is required"],
  ["cert", 400, "tls connection required"],
  ["gcp", 400, "role is required"],
  ["github", 500, "configuration has not been set"],
  ["kerberos", 500, "backend kerberos not configured"],
  ["radius", 400, "radius backend not configured"],
  ["radius", 400, "username cannot be empty"],
  ["cf", 400, "'role-name' is required"],
  ["alicloud", 500, "missing identity_request_url"],
];

/** A server with configured answers to `sys/health` and logins. */
async function standIn(answers: { health?: object; login?: [number, object] }, tls?: ServerOptions): Promise<string> {
  const handler: Handler = ({ url = "" }, response) => {
    const [status, body] = url.startsWith("/v1/sys/health")
      ? ([200, answers.health ?? health] as const)
      : (answers.login ?? [404, { errors: [] }]);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const server = await serveHttp(handler, tls ? { tls } : {});
  onTestFinished(() => server.close());
  return server.origin;
}

const day = 86_400_000;
const ca = makeIdentity({ commonName: "ca", isCa: true, notAfter: Date.now() + 300 * day });
const signed = (change: Partial<Parameters<typeof makeIdentity>[0]> = {}) =>
  makeIdentity({ commonName: "vault", names: ["127.0.0.1"], by: ca, notAfter: Date.now() + 100 * day, ...change });
const good = signed();

describeOnce("TLS", () => {
  /** A server with that certificate, asked by one who trusts `ca`. */
  const asking = async (
    identity: Identity,
    { trust = ca.cert, more = {}, flags = [] as string[] } = {},
  ): Promise<Fixture> => {
    const path = await filesOnDisk({ ca: trust });
    const origin = await standIn({}, { ...identity, ...more });
    return { argv: [`--vault-addr=${origin}`, `--vault-tls-ca-cert=${path("ca")}`, ...flags] };
  };
  const plain = async (): Promise<Fixture> => ({
    argv: [`--vault-addr=${(await standIn({})).replace("http:", "https:")}`],
  });

  /** One that breaks the handshake off with that alert (RFC 8446 §6.2). */
  const alerting = async (alert: number): Promise<Fixture> => {
    const server = await serveRaw((socket) =>
      socket.once("data", () => socket.end(Buffer.of(21, 3, 3, 0, 2, 2, alert))),
    );
    onTestFinished(() => server.close());
    return { argv: [`--vault-addr=${server.origin.replace("http:", "https:")}`] };
  };

  table([
    [
      "tls.files",
      "a CA file that is not there",
      /\/no\/ca.pem cannot be used: ENOENT/,
      () => asking(good, { flags: ["--vault-tls-ca-cert=/no/ca.pem"] }),
    ],
    ["tls.no-tls", "plain HTTP at the port", /does not speak TLS/, plain],
    [
      "tls.untrusted",
      "signed by a CA we do not know",
      /its CA is not trusted.*the last it sent is of "vault", signed by "ca"$/,
      () => asking(good, { trust: signed({ commonName: "another" }).cert }),
    ],
    [
      "tls.untrusted",
      "signed by itself, for another name as well",
      /is self-signed.*it is asked for 127.0.0.1, and names vault.example$/,
      () => asking(makeIdentity({ commonName: "alone", names: ["vault.example"] })),
    ],
    [
      "tls.name",
      "for other names",
      /for another name.*it is asked for 127.0.0.1, and names vault.example, 10.0.0.1$/,
      () => asking(signed({ names: ["vault.example", "10.0.0.1"] })),
    ],
    [
      "tls.name",
      "not for the server name that is set",
      /it is asked for vault.svc, and names 127.0.0.1$/,
      () => asking(good, { flags: ["--vault-tls-server-name=vault.svc"] }),
    ],
    ["tls.name", "which the server does not serve", /serves no such name/, () => alerting(112)],
    ["tls.version", "too old a one", /no TLS version that keymount takes/, () => alerting(70)],
    ["tls.version", "HTTP/2 only", /does not speak HTTP\/1.1$/, () => alerting(120)],
    [
      "tls.unfit",
      "a certificate of clients",
      /serverAuth is not among its extended key usages, or what signed it is no CA$/,
      () => asking(signed({ usage: "client" })),
    ],
    [
      "tls.unfit",
      "signed by what is no CA",
      /serverAuth is not among its extended key usages, or what signed it is no CA/,
      () => {
        const leaf = makeIdentity({ commonName: "leaf", names: ["127.0.0.1"], by: good });
        return asking({ ...leaf, cert: leaf.cert + good.cert });
      },
    ],
    [
      "tls.dates",
      "expired yesterday",
      /has expired; that of "vault" is good from \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d$/,
      () => asking(signed({ notAfter: Date.now() - day })),
    ],
    [
      "tls.client-certificate",
      "demanded, and none is configured",
      /client certificate.*none is configured/,
      () => asking(good, { more: { requestCert: true, rejectUnauthorized: true, ca: ca.cert } }),
    ],
    [
      "tls.client-certificate",
      "demanded, with TLS 1.2",
      /client certificate.*none is configured/,
      () => asking(good, { more: { requestCert: true, rejectUnauthorized: true, ca: ca.cert, maxVersion: "TLSv1.2" } }),
    ],
  ]);

  test("that is good is reported with its end, and with a warning where that is near", async () => {
    const near = signed({ notAfter: Date.now() + 9.5 * day });
    const fixture = await asking(near);
    const tls = (await doctorsReports(fixture.argv, fixture)).find(({ step }) => step === "tls");
    const end = new Date(Date.now() + 9.5 * day).toISOString().slice(0, 10);
    expect(tls).toMatchObject({
      result: "passed",
      facts: ["TLSv1.3", `the certificate of "vault", signed by "ca", is good until ${end} (9 days)`],
      warnings: [`the certificate of "vault" ends on ${end}, in less than 14 days`],
    });
  });

  test("is good where nothing is answered: that is Vault's fault", async () => {
    const server = await serveHttp(() => undefined, { tls: good });
    onTestFinished(() => server.close());
    const path = await filesOnDisk({ ca: ca.cert });
    const argv = [`--vault-addr=${server.origin}`, `--vault-tls-ca-cert=${path("ca")}`, "--timeout=1500ms"];
    const reports = await expectProblem("vault.no-answer", /no answer within 1.5 s/, { argv });
    expect(reports.find(({ step }) => step === "tls")).toMatchObject({ result: "passed" });
  });

  test("that is not verified is reported as a warning", async () => {
    const fixture = await asking(signed({ names: ["vault.example"] }), { flags: ["--vault-tls-skip-verify"] });
    expect((await doctorsReports(fixture.argv, fixture)).find(({ step }) => step === "tls")).toMatchObject({
      result: "passed",
      warnings: [expect.stringMatching(/^any certificate is taken \(tls.skipVerify\), though .*vault.example$/)],
    });
  });

  test("with the client certificate that is demanded", async () => {
    const path = await filesOnDisk({ cert: good.cert, key: good.key });
    const flags = [`--vault-tls-client-cert=${path("cert")}`, `--vault-tls-client-key=${path("key")}`];
    const fixture = await asking(good, { flags, more: { requestCert: true, rejectUnauthorized: true, ca: ca.cert } });
    expect((await doctorsReports(fixture.argv, fixture)).find(({ step }) => step === "vault")).toMatchObject({
      result: "passed",
    });
  });
});

describeOnce("Vault itself", () => {
  const saying = async (change: object): Promise<Fixture> => ({
    argv: [`--vault-addr=${await standIn({ health: { ...health, ...change } })}`],
  });
  const serving = async (handler: Handler, ...flags: string[]): Promise<Fixture> => {
    const server = await serveHttp(handler);
    onTestFinished(() => server.close());
    return { argv: [`--vault-addr=${server.origin}`, ...flags] };
  };
  const page =
    (status: number): Handler =>
    (_request, response) =>
      response.writeHead(status, { "content-type": "text/html" }).end("<h1>canary</h1>");
  const hideSys = ({ vault }: ReadyVault) => vault.fault({ path: "sys/health" }, html(403));
  const twoClusters = async (): Promise<Fixture> => {
    const addresses = [await standIn({}), await standIn({ health: { ...health, cluster_id: "other" } })];
    return { argv: ["--config=k.yaml"], files: { "k.yaml": JSON.stringify({ connections: { main: { addresses } } }) } };
  };

  table([
    ["vault.no-answer", "a balancer without a Vault behind it", /answered with 503$/, () => serving(page(503))],
    ["vault.no-answer", "silence", /no answer within 0.3 s/, () => serving(() => undefined, "--timeout=300ms")],
    ["vault.not-vault", "a page", /not Vault's JSON \(text\/html\)/, () => serving(page(200))],
    ["vault.uninitialised", "", /is not initialised$/, () => saying({ initialized: false, sealed: true })],
    ["vault.sealed", "", /^Vault at .* is sealed$/, () => saying({ sealed: true })],
    ["vault.sealed", "OpenBao", /^OpenBao at .* is sealed$/, () => saying({ ...ofOpenBao, sealed: true })],
    ["vault.dr-secondary", "", /is a disaster recovery secondary$/, () => saying({ replication_dr_mode: "secondary" })],
    ["vault.other-cluster", "", /is of another cluster than/, twoClusters],
    [
      "vault.sealed",
      "behind a gateway that answers sys/ itself",
      /^Vault at .* is sealed$/,
      () =>
        application({
          prepare: (ready) => {
            hideSys(ready);
            ready.vault.fault({ path: "auth/kubernetes/login" }, erring(503, "Vault is sealed"));
          },
        }),
    ],
  ]);

  test("a gateway that answers sys/ itself is a warning where logins reach Vault, and the walk goes on", async () => {
    const fixture = await application({ prepare: hideSys });
    const reports = await doctorsReports(fixture.argv, fixture);
    expect(reports.find(({ step }) => step === "vault")).toMatchObject({
      result: "passed",
      facts: [],
      warnings: [expect.stringMatching(/answers sys\/health itself \(403\).*; logins reach Vault$/)],
    });
    expect(reports.find(({ step }) => step === "object")).toMatchObject({ result: "passed" });
  });

  test.each([
    ["performance standby", { standby: true, performance_standby: true }],
    ["standby", { standby: true }],
  ])("a %s is no problem", async (standing, change) => {
    const { argv } = await saying(change);
    const reports = await doctorsReports(argv);
    expect(reports.find(({ step }) => step === "vault")).toMatchObject({
      result: "passed",
      facts: [`Vault 1.21.1, unsealed, ${standing}`, `cluster ${health.cluster_id}`],
    });
  });

  test.each([
    ["2.6.1", true, /^as a standby, OpenBao 2\.6\.1 does not forward renewals and revocations of leases/],
    ["2.5.0", true, /^as a standby, OpenBao 2\.5\.0 /],
    ["2.6.2", true, undefined],
    ["2.4.4", true, undefined],
    ["2.6.1", false, undefined],
  ])("OpenBao %s as a standby (%s) that keeps leases to itself is a warning", async (version, standby, warning) => {
    const { argv } = await saying({ ...ofOpenBao, version, standby });
    const [vault] = (await doctorsReports(argv)).filter(({ step }) => step === "vault");
    expect(vault).toMatchObject({ result: "passed", warnings: warning ? [expect.stringMatching(warning)] : [] });
  });

  test.each<[string, string, object, ProblemName]>([
    [
      "the server's own seal",
      "unseal it (bao operator unseal)",
      { health: { ...openBao, sealed: true } },
      "vault.sealed",
    ],
    [
      "an auth mount without configuration",
      "write its configuration (bao write auth/…/config)",
      { health: openBao, login: [500, { errors: ["could not load backend configuration"] }] },
      "auth.unconfigured",
    ],
    [
      "a locked namespace",
      "unlock it (bao namespace unlock)",
      {
        health: openBao,
        login: [503, { errors: ["API access to this namespace has been locked by an administrator"] }],
      },
      "auth.namespace-locked",
    ],
  ])("OpenBao's commands are named for %s", async (_what, fix, answers, problem) => {
    const reports = await doctorsReports([`--vault-addr=${await standIn(answers)}`]);
    expect(reports.filter(({ result }) => result === "broken")).toMatchObject([{ problem, fix }]);
  });

  test("a clock that differs is a warning", async () => {
    const { argv } = await saying({ server_time_utc: Math.floor(Date.now() / 1000) + 300 });
    expect((await doctorsReports(argv)).find(({ step }) => step === "vault")).toMatchObject({
      result: "passed",
      warnings: [expect.stringMatching(/^Vault's clock is (299|300|301) s ahead of ours/)],
    });
  });
});

/** A class that asks for one object, and a token of `shop/web`. */
async function application(
  change: {
    object?: string;
    parameters?: string;
    provider?: string;
    flags?: string[];
    /** The connection's own, beside the address. */
    authMount?: string;
    files?: Record<string, string>;
    token?: string;
    prepare?: (vault: ReadyVault) => unknown;
  } = {},
): Promise<Fixture> {
  const vault = await readyVault();
  await change.prepare?.(vault);
  const { object = "secretPath: kv/data/app, secretKey: password", parameters = "", provider = "vault" } = change;
  const written = `kind: SecretProviderClass
metadata: {name: web, namespace: shop}
spec:
  provider: ${provider}
  parameters:
    roleName: web
    ${parameters}
    objects: |
      - {objectName: file, ${object}}
`;
  const files = { "class.yaml": written, token: change.token ?? vault.mint(), ...change.files };
  const { authMount = "kubernetes" } = change;
  const flags = change.flags ?? [`--vault-addr=${vault.address}`, `--vault-mount=${authMount}`];
  return { argv: ["-f", "class.yaml", "--token-file=token", ...flags], files };
}

/** A provider in a cluster whose API server answers so. */
async function inCluster(flags: readonly string[], answer: (path: string) => ApiAnswer): Promise<Fixture> {
  const { directory, port } = await startKubernetesApi(({ path }) => answer(path));
  const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(port) };
  const argv = ["--key-file=key", ...flags];
  return { argv, stage: { env, serviceAccountDirectory: directory } };
}

/** Of a CSIDriver object as the driver's manifests have it. */
const driverSpec = { podInfoOnMount: true, requiresRepublish: true, volumeLifecycleModes: ["Ephemeral"] };

describeOnce("the class, and what the operator lets it do", () => {
  const policy = async (rule: string): Promise<Fixture> => {
    const file = `connections: {main: {addresses: ["${noListener}"], policy: {${rule}}}}`;
    return application({ flags: ["--config=k.yaml"], files: { "k.yaml": file } });
  };

  table([
    [
      "class.absent",
      "a name the API server does not know",
      /^reading SecretProviderClass shop\/web: the Kubernetes API says there is no such thing/,
      () => inCluster([`--vault-addr=${noListener}`, "--class=shop/web"], () => refusal(404, "NotFound")),
    ],
    [
      "class.mistake",
      "a path that climbs",
      /^objects\[0\] "file": secretPath holds a step/,
      () => application({ object: "secretPath: a/../b" }),
    ],
    [
      "class.provider",
      "for another socket",
      /spec.provider is "openbao".*serves "vault"/,
      () => application({ provider: "openbao" }),
    ],
    [
      "connection.unknown",
      "an unknown connection",
      /^connection "nope" is not in the configuration file/,
      () => application({ parameters: "connection: nope" }),
    ],
    [
      "policy.refused",
      "a path",
      /object "file": path "kv\/data\/app".*connections.main.policy.paths/,
      () => policy('paths: ["other/*"]'),
    ],
    ["policy.refused", "a role", /role "web".*connections.main.policy.roles/, () => policy('roles: ["other"]')],
  ]);

  const tokenRequests = [{ audience: "vault" }];
  const driver = (change: object) => () => {
    const body = { kind: "CSIDriver", spec: { ...driverSpec, tokenRequests, ...change } };
    return inCluster([`--vault-addr=${noListener}`], () => ({ status: 200, body }));
  };

  table([
    [
      "driver.absent",
      "",
      /^reading CSIDriver secrets-store.csi.k8s.io: the Kubernetes API says there is no such thing/,
      () => inCluster([`--vault-addr=${noListener}`], () => refusal(404, "NotFound")),
    ],
    ["driver.pod-info", "as without the field", /^podInfoOnMount is not true$/, driver({ podInfoOnMount: undefined })],
    [
      "driver.lifecycle",
      "as without the field",
      /^volumeLifecycleModes has only Persistent$/,
      driver({ volumeLifecycleModes: undefined }),
    ],
    [
      "driver.token-requests",
      "without any",
      /^tokenRequests has no audience "vault" \(it has: none\)$/,
      driver({ tokenRequests: undefined }),
    ],
    [
      "driver.token-requests",
      "for others",
      /^tokenRequests has no audience "vault" \(it has: "shop", ""\)$/,
      driver({ tokenRequests: [{ audience: "shop" }, { audience: "" }] }),
    ],
  ]);

  test.each<[string, object, string[], string[]]>([
    [
      "all as it should be",
      {},
      [
        'it sends tokens for "vault" (3600 s)',
        "the kubelet calls again for each running pod",
        "fsGroupPolicy ReadWriteOnceWithFSType",
      ],
      [],
    ],
    [
      "no republish",
      { requiresRepublish: false, fsGroupPolicy: "File" },
      ['it sends tokens for "vault" (3600 s)', "fsGroupPolicy File"],
      [
        "requiresRepublish is not true: driver 1.6 and newer mounts once, so no file is renewed and no credential replaced",
      ],
    ],
    [
      "a token shorter than the API server takes",
      { tokenRequests: [{ audience: "vault", expirationSeconds: 300 }] },
      [
        'it sends tokens for "vault" (300 s)',
        "the kubelet calls again for each running pod",
        "fsGroupPolicy ReadWriteOnceWithFSType",
      ],
      ['expirationSeconds 300 for audience "vault" is less than the 600 that the API server takes'],
    ],
  ])("the CSIDriver object: %s", async (_what, change, facts, warnings) => {
    const fixture = await driver(change)();
    const reports = await doctorsReports(fixture.argv, fixture);
    expect(reports.find(({ step }) => step === "driver")).toMatchObject({ result: "passed", facts, warnings });
  });

  test("a CSIDriver object without tokens is none of a problem where keymount may ask for them", async () => {
    const { argv, ...fixture } = await driver({ tokenRequests: [] })();
    const file = `connections: {main: {addresses: ["${noListener}"]}}\ntokenRequest: {fallback: true}`;
    const flags = argv.filter((flag) => !flag.startsWith("--vault-addr"));
    const reports = await doctorsReports([...flags, "--config=k.yaml"], { ...fixture, files: { "k.yaml": file } });
    expect(reports.find(({ step }) => step === "driver")).toMatchObject({
      result: "passed",
      warnings: ['"vault" is served only by tokenRequest.fallback'],
    });
  });

  test.each([
    ["that may not be read", () => inCluster([`--vault-addr=${noListener}`], () => refusal(403, "Forbidden")), {}],
    [
      "that is none",
      async () => ({ argv: [`--vault-addr=${noListener}`, "-f", "class.yaml"] }),
      {
        "class.yaml":
          "kind: CSIDriver\nmetadata: {name: secrets-store.csi.k8s.io}\nspec: {tokenRequests: .inf}\n---\n" +
          "kind: SecretProviderClass\nmetadata: {name: a}\nspec: {provider: vault, parameters: {roleName: a}}",
      },
    ],
  ])("a CSIDriver object %s is skipped", async (_what, prepare, files) => {
    const { argv, ...fixture } = await prepare();
    const reports = await doctorsReports(argv, { ...fixture, files });
    expect(reports.find(({ step }) => step === "driver")).toMatchObject({ result: "skipped" });
  });

  test("what the operator refuses is not asked of Vault", async () => {
    const vault = await readyVault();
    const file = `connections: {main: {addresses: ["${vault.address}"], policy: {paths: ["other/*"]}}}`;
    const fixture = await application({ flags: ["--config=k.yaml"], files: { "k.yaml": file }, token: vault.mint() });
    const reports = await doctorsReports(fixture.argv, fixture);
    expect(reports.find(({ step }) => step === "login")).toMatchObject({ result: "passed" });
    expect(reports.find(({ step }) => step === "object")).toMatchObject({
      result: "skipped",
      because: "the connection's policy refuses it",
    });
    expect(vault.vault.log.to("kv/data/app")).toEqual([]);
  });

  test("a class that may not be read is asked for", async () => {
    const fixture = await inCluster([`--vault-addr=${noListener}`, "--class=web", "-n", "shop"], () =>
      refusal(403, "Forbidden"),
    );
    expect((await doctorsReports(fixture.argv, fixture)).find(({ step }) => step === "class")).toMatchObject({
      result: "skipped",
      because: expect.stringContaining(
        "kubectl get secretproviderclass web -n shop -o yaml | keymount doctor -f -",
      ) as string,
    });
  });
});

describe("the login", () => {
  const answeredAt = (status: number, body: object) => async (): Promise<Fixture> =>
    application({ flags: [`--vault-addr=${await standIn({ login: [status, body] })}`] });
  const inNamespace = (status: number, words: string) => async (): Promise<Fixture> =>
    application({
      flags: [
        `--vault-addr=${await standIn({ health: openBao, login: [status, { errors: [words] }] })}`,
        "--vault-namespace=team",
      ],
    });
  /** The two questions without a token are answered as ever. */
  const loginsAfterProbes =
    (status: number, words?: string) =>
    ({ vault }: ReadyVault) => {
      const body = words === undefined ? { message: "a gateway's" } : { errors: [words] };
      vault.fault({ path: "auth/kubernetes/login" }, answering(status, JSON.stringify(body)));
      vault.fault({ path: "auth/kubernetes/login", times: 2 }, delayed(0));
    };
  const unconfigured = ({ admin }: ReadyVault) => admin.write("sys/auth/bare", { type: "jwt" });
  const approle = ({ admin }: ReadyVault) => admin.write("sys/auth/approle", { type: "approle" });
  const elsewhere = ({ admin }: ReadyVault) =>
    admin.write("auth/kubernetes/role/web", { ...webRole, token_bound_cidrs: ["192.0.2.0/24"] });

  table([
    ["auth.absent", "", /^no auth method .* is enabled at auth\/nope$/, () => application({ authMount: "nope" })],
    [
      "auth.other-method",
      "approle, as the server itself says it",
      /^what is mounted at auth\/approle takes no service account: it is approle$/,
      () => application({ authMount: "approle", prepare: approle }),
    ],
    [
      "auth.unconfigured",
      "",
      /^auth\/bare is enabled, but not configured$/,
      () => application({ authMount: "bare", prepare: unconfigured }),
    ],
    [
      "role.absent",
      "",
      /^auth\/kubernetes has no role "nobody"$/,
      () => application({ parameters: "vaultRoleName: nobody" }),
    ],
    [
      "token.account",
      "a service account that is not there",
      /^making a token of service account shop\/web: .*no such thing/,
      async () => {
        const { argv, files } = await application();
        const fixture = await inCluster([], () => refusal(404, "NotFound"));
        return {
          ...fixture,
          files: { ...files },
          argv: [...fixture.argv, ...argv.filter((flag) => !flag.startsWith("--token")), "--service-account=web"],
        };
      },
    ],
    [
      "token.unusable",
      "for another audience",
      /^the token is for audience "elsewhere", and the class or its connection asks for "vault"$/,
      async () => application({ token: (await readyVault()).mint({ audiences: ["elsewhere"] }) }),
    ],
    [
      "token.unusable",
      "no service account's",
      /is not a service account token/,
      () => application({ token: "canary" }),
    ],
    [
      "token.unusable",
      "of another namespace",
      /names another namespace/,
      async () => {
        const fixture = await application();
        return { ...fixture, argv: [...fixture.argv, "-n", "elsewhere"] };
      },
    ],
    [
      "login.denied",
      "of a service account that the role does not name",
      /does not name this service account \(bound_service_account_names\); Vault says "service account name not authorized"$/,
      async () => {
        const vault = await readyVault();
        return application({
          flags: [`--vault-addr=${vault.address}`],
          token: vault.mint({ serviceAccount: "other" }),
        });
      },
    ],
    [
      "login.denied",
      "from outside the role's networks",
      /token_bound_cidrs leave this node's address out/,
      () => application({ prepare: elsewhere }),
    ],
  ]);

  /** Answers that are given in the server's place. */
  tableOnce([
    [
      "auth.other-method",
      "without words of its own",
      /^what is mounted at auth\/kubernetes takes no service account$/,
      answeredAt(405, { errors: ["1 error occurred:\n\t* unsupported operation\n\n"] }),
    ],
    ...otherMethods.map(
      ([method, status, words]) =>
        [
          "auth.other-method",
          `${method} (${status} ${words})`,
          new RegExp(`takes no service account: it is ${method}$`),
          answeredAt(status, { errors: [words] }),
        ] as [ProblemName, string, RegExp, () => Promise<Fixture>],
    ),
    [
      "auth.namespace-sealed",
      "OpenBao's words",
      /^the Vault namespace "team" is sealed$/,
      inNamespace(503, "namespace is sealed"),
    ],
    [
      "auth.namespace-locked",
      "OpenBao's and Vault Enterprise's words",
      /^the Vault namespace "team" is locked by an administrator$/,
      inNamespace(503, 'API access to this namespace has been locked by an administrator - "team/" must be unlocked'),
    ],
    [
      "auth.namespace-absent",
      "OpenBao's words",
      /^the Vault namespace "team" is not there \(deleted, or a parent of it is sealed\)$/,
      inNamespace(404, "namespace not found"),
    ],
    [
      "auth.not-vault",
      "a gateway's refusal",
      /answered 403 with something that is not/,
      answeredAt(403, { message: "no" }),
    ],
    ["auth.quota", "", /\(429\)$/, answeredAt(429, { errors: [] })],
    [
      "auth.no-answer",
      "a node that is sealed meanwhile",
      /is sealed$/,
      answeredAt(503, { errors: ["Vault is sealed"] }),
    ],
    ...(
      [
        [404, 'no handler for route "admin/auth/kubernetes/login". route entry not found.'],
        [400, "missing client token"],
      ] as const
    ).map(([status, words]): [ProblemName, string, RegExp, () => Promise<Fixture>] => [
      "auth.absent",
      `${status} ${words}`,
      /^no auth method that service accounts log in with is enabled at auth\/kubernetes/,
      answeredAt(status, { errors: [words] }),
    ]),
    [
      "auth.not-vault",
      "an ingress that redirects, which it names as a Mount does",
      /answered with a redirect \(308\) to https:\/\/vault\.example; if Vault is there, write that/,
      () =>
        application({
          prepare: ({ vault }) =>
            vault.fault(
              { path: "auth/kubernetes/login" },
              answering(308, "", { location: "https://vault.example/v1/auth/kubernetes/login" }),
            ),
        }),
    ],
    [
      "login.sentinel",
      "",
      /^Vault refused the login of .*: the Sentinel policy root\/business-hrs \(EGP\) denies it/,
      () => application({ prepare: loginsAfterProbes(403, sentinels("egp")) }),
    ],
    ["login.quota", "", /\(429\)/, () => application({ prepare: loginsAfterProbes(429, "rate limit quota exceeded") })],
    [
      "login.not-vault",
      "a gateway's page",
      /something before Vault/,
      () => application({ prepare: loginsAfterProbes(403) }),
    ],
    [
      "role.no-answer",
      "a quota, at the second question",
      /\(429\)$/,
      () =>
        application({
          prepare: ({ vault }) => {
            vault.fault({ path: "auth/kubernetes/login" }, answering(429, '{"errors":[]}'));
            vault.fault({ path: "auth/kubernetes/login", times: 1 }, delayed(0));
          },
        }),
    ],
    ...[
      [403, "invalid issuer (iss) claim"],
      [400, "error validating token: invalid issuer (iss) claim"],
    ].map(
      ([status, words]) =>
        [
          "login.issuer",
          `${words}`,
          /another issuer than .*; the token's issuer is "https:\/\/kubernetes.default.svc[^"]*"$/,
          () => application({ prepare: loginsAfterProbes(Number(status), String(words)) }),
        ] as [ProblemName, string, RegExp, () => Promise<Fixture>],
    ),
    [
      "login.failed",
      "by a Vault without a leader",
      /no active node/,
      () =>
        application({
          prepare: ({ vault }) => {
            const path = "auth/kubernetes/login";
            vault.fault(
              { path },
              answering(500, '{"errors":["local node not active but active cluster node not found"]}'),
            );
          },
        }),
    ],
  ]);

  test.runIf(product === "openbao").each<[string, string, string | undefined]>([
    ["lets in", 'pb.Auth{policies: ["web"]}', undefined],
    ["keeps out", "false", "login.denied"],
  ])("by a role with a program in CEL that %s", async (_what, expression, problem) => {
    const prepare = async ({ admin, vault }: ReadyVault) => {
      await admin.write("sys/auth/jwt", { type: "jwt" });
      await admin.write("auth/jwt/config", { jwt_validation_pubkeys: [vault.kubernetes.publicKeyPem] });
      await admin.request("POST", "auth/jwt/cel/role/web", { cel_program: { expression } });
    };
    const { argv, ...fixture } = await application({ authMount: "jwt/cel", prepare });
    const [address] = argv.filter((flag) => flag.startsWith("--vault-addr=")).map((flag) => flag.split("=")[1]);
    const file = `connections: {main: {addresses: ["${address}"], auth: {mount: jwt/cel, method: jwt}}}`;
    const reports = await doctorsReports(["-f", "class.yaml", "--token-file=token", "--config=k.yaml"], {
      ...fixture,
      files: { ...fixture.files, "k.yaml": file },
    });
    const what = expect.stringMatching(/the CEL program of the role web at auth\/jwt\/cel/) as string;
    expect(reports.filter(({ result }) => result === "broken")).toMatchObject(problem ? [{ problem, what }] : []);
  });

  test("without a token, how to get one", async () => {
    const fixture = await application();
    const argv = fixture.argv.filter((flag) => !flag.startsWith("--token"));
    expect(
      (await doctorsReports([...argv, "--service-account=web"], fixture)).find(({ step }) => step === "token"),
    ).toMatchObject({
      result: "skipped",
      because: expect.stringContaining("kubectl create token web -n shop --audience vault | keymount doctor") as string,
    });
  });

  test("with a token that the API server makes, and the class it has", async () => {
    const vault = await readyVault();
    const expirationTimestamp = "2100-01-01T00:00:00Z";
    const spec = {
      provider: "vault",
      parameters: { roleName: "web", objects: "- {objectName: a, secretPath: kv/data/app}" },
    };
    const fixture = await inCluster(
      [`--vault-addr=${vault.address}`, "--class=shop/web", "--service-account=web"],
      (path) => {
        if (path.endsWith("/token"))
          return { status: 201, body: { status: { token: vault.mint(), expirationTimestamp } } };
        return path.includes("/csidrivers/")
          ? { status: 200, body: { spec: { ...driverSpec, tokenRequests: [{ audience: "vault" }] } } }
          : { status: 200, body: { kind: "SecretProviderClass", spec } };
      },
    );
    const reports = await doctorsReports(fixture.argv, fixture);
    expect(reports.filter(({ result }) => result === "broken").map(({ step }) => step)).toEqual(["socket"]);
    expect(reports.find(({ step }) => step === "object")).toMatchObject({ result: "passed" });
  });
});

/** As Vault Enterprise says it, of an endpoint governing policy or a role governing one. */
const sentinels = (kind: "egp" | "rgp") =>
  `2 errors occurred:\n\t* ${kind} standard policy "root/business-hrs" evaluation resulted in denial.\n\nThe specific error was:\n<nil>\n\n\t* permission denied\n\n`;

describe("an object", () => {
  const denied = ({ admin }: ReadyVault) => admin.write("sys/mounts/secret", { type: "kv" });
  const broken = ({ vault }: ReadyVault) => vault.fault({ path: "kv/data/app" }, answering(502, "canary"));
  const transit = async ({ admin }: ReadyVault) => admin.write("sys/mounts/transit", { type: "transit" });
  const decrypt = "secretPath: transit/decrypt/none, method: PUT, secretArgs: {ciphertext: canary}";
  const readAll = async (fixture: Promise<Fixture>): Promise<Fixture> => ({
    ...(await fixture),
    argv: [...(await fixture).argv, "--read-all"],
  });

  table([
    [
      "object.denied",
      "",
      /^permission denied: GET secret\/app/,
      () => application({ object: "secretPath: secret/app", prepare: denied }),
    ],
    [
      "object.path",
      "KV version 2 without data/",
      /kv\/app.* is a KV version 2 engine.*: kv\/data\/app/,
      () => application({ object: "secretPath: kv/app" }),
    ],
    ["object.absent", "", /^nothing at kv\/data\/none$/, () => application({ object: "secretPath: kv/data/none" })],
    [
      "object.value",
      "a key that is not there",
      /no key "nope".*\(it has: password\)$/,
      () => application({ object: "secretPath: kv/data/app, secretKey: nope" }),
    ],
    [
      "object.refused",
      "",
      /^Vault refused PUT transit\/decrypt\/none \(400\)/,
      () => readAll(application({ object: decrypt, prepare: transit })),
    ],
  ]);

  const answered =
    (status: number, body: object) =>
    ({ vault }: ReadyVault) =>
      vault.fault({ path: "kv/data/app" }, answering(status, JSON.stringify(body)));

  tableOnce([
    [
      "object.sentinel",
      "",
      /^permission denied: GET kv\/data\/app; the Sentinel policy root\/business-hrs \(RGP\) denies it/,
      () => application({ prepare: answered(403, { errors: [sentinels("rgp")] }) }),
    ],
    [
      "object.wrapped",
      "",
      /^Vault answers kv\/data\/app with a wrapping token/,
      () => application({ prepare: answered(200, { wrap_info: { token: "hvs.canary" } }) }),
    ],
    [
      "object.not-vault",
      "a proxy's refusal",
      /something before Vault/,
      () => application({ prepare: answered(403, { message: "no" }) }),
    ],
    ["object.quota", "", /\(429\)/, () => application({ prepare: answered(429, { errors: [] }) })],
    [
      "object.namespace",
      "in its path",
      /^the Vault namespace of kv\/data\/app is sealed \(503\)$/,
      () =>
        application({
          prepare: ({ vault }) =>
            vault.fault({ path: "kv/data/app" }, answering(503, '{"errors":["namespace is sealed"]}')),
        }),
    ],
    ["object.failed", "", /answered with 502 /, () => application({ prepare: broken })],
  ]);
});

describe("the logout", () => {
  tableOnce([
    [
      "logout.failed",
      "a Vault that fails just then",
      /answered with 502 /,
      () => application({ prepare: ({ vault }) => vault.fault({ path: "auth/token/revoke-self" }, answering(502)) }),
    ],
  ]);

  test("of a token that may not revoke itself is no problem", async () => {
    const fixture = await application({
      prepare: ({ vault }) =>
        vault.fault({ path: "auth/token/revoke-self" }, answering(403, JSON.stringify({ errors: [notAllowed] }))),
    });
    expect((await doctorsReports(fixture.argv, fixture)).find(({ step }) => step === "logout")).toMatchObject({
      result: "passed",
      warnings: ["the token may not revoke itself, and ends with its time"],
    });
  });
});

test("a server that speaks no HTTP is no Vault", async () => {
  const server = await serveRaw((socket) => socket.end("220 canary ESMTP\r\n"));
  onTestFinished(() => server.close());
  await expectProblem("vault.not-vault", /does not speak HTTP as Vault does/, {
    argv: [`--vault-addr=${server.origin}`],
  });
});
