import { dirname } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { hanging } from "../../dev/vault/faults.js";
import { callDoctor, doctorsReports } from "../../dev/testing/doctor-fixture.js";
import { startProvider } from "../../dev/testing/start-provider.js";
import { ProviderError } from "../shared/errors.js";

const { name, version, command } = {
  vault: { name: "Vault", version: "1.21.1", command: "vault" },
  openbao: { name: "OpenBao", version: "2.6.2", command: "bao" },
}[inject("product")];

const csiDriver = `kind: CSIDriver
metadata: {name: secrets-store.csi.k8s.io}
spec:
  podInfoOnMount: true
  requiresRepublish: true
  volumeLifecycleModes: [Ephemeral]
  tokenRequests: [{audience: vault}]
`;

const webClass = `kind: SecretProviderClass
metadata: {name: web, namespace: shop}
spec:
  provider: vault
  parameters:
    roleName: web
    objects: |
      - {objectName: password, secretPath: kv/data/app, secretKey: password}
`;

/** A running provider, and doctor's flags for it. */
async function surgery() {
  const { vault, socketPath } = await startProvider();
  const flags = [`--endpoint=${socketPath}`, "-vault-addr", vault.address];
  const stage = { driverDirectories: [dirname(socketPath)] };
  return { vault, flags, stage, files: { "class.yaml": `${webClass}---\n${csiDriver}`, token: `${vault.mint()}\n` } };
}

test("the token's file may be a whole TokenRequest, as kubectl create token -o yaml prints it", async () => {
  const { flags, stage, files } = await surgery();
  const request = `kind: TokenRequest\nstatus: {token: "${files.token.trim()}"}\n`;
  const argv = [...flags, "-f", "class.yaml", "--token-file", "token"];
  const { stdout } = await callDoctor(argv, { files: { ...files, token: request }, stage });
  expect(stdout).toMatch(/^passed {2}login /m);
});

test("from the socket to the secret, with nothing broken", async () => {
  const { vault, flags, stage, files } = await surgery();
  const said = await callDoctor([...flags, "-f", "class.yaml", "--token-file", "token"], { files, stage });
  const lines = said.stdout
    .replaceAll(vault.address, "ADDRESS")
    .replace(/cluster [\w-]+/, "cluster ID")
    .replaceAll(/\/\S+vault.sock/g, "SOCKET")
    .replaceAll(/\d+ ms|uid \d+|127.0.0.1:\d+|\d+ minutes/g, "N")
    .split("\n");
  expect(lines).toEqual([
    'passed  socket         SOCKET: keymount "1.2.3" answers; the socket belongs to N',
    "passed  configuration  provider vault; connection default: ADDRESS",
    "passed  class          web: 1 object",
    "passed  connection     default (the default)",
    'passed  policy         role "web" at auth/kubernetes, and every path, are allowed',
    'passed  driver         it sends tokens for "vault" (3600 s); the kubelet calls again for each running pod; fsGroupPolicy ReadWriteOnceWithFSType',
    "passed  dns            ADDRESS: an address: no name to look up",
    "passed  tcp            ADDRESS: N accepts connections (N)",
    "passed  tls            ADDRESS: plain HTTP: no TLS",
    `passed  vault          ADDRESS: ${name} ${version}, unsealed, active; cluster ID`,
    "passed  auth           auth/kubernetes: it takes logins of service accounts",
    "passed  role           web: auth/kubernetes has it",
    'passed  token          the token given is of service account shop/web, for audience "vault"; issued by "https://kubernetes.default.svc.cluster.local"; bound to pod uid-1; good for N',
    "passed  login          auth/kubernetes: shop/web is given a service token for 3600 s",
    "passed  object         password: GET kv/data/app: 7 bytes",
    "passed  logout         the token is revoked, and what was made with it",
    "",
    "nothing is broken (16 passed, 0 broken, 0 skipped)",
    "",
  ]);
  expect({ code: said.code, stderr: said.stderr }).toEqual({ code: 0, stderr: "" });
  expect(vault.vault.live).toEqual({ tokens: 0, leases: 0, users: 0 });
});

test("a problem is reported with its fix and owner, and the first one again at the end", async () => {
  const { flags, stage, files } = await surgery();
  const asked = { ...files, "class.yaml": files["class.yaml"].replace("secretKey: password", "secretKey: pasword") };
  const { code, stdout } = await callDoctor([...flags, "-f", "class.yaml", "--token-file", "token"], {
    files: asked,
    stage,
  });
  expect(code).toBe(1);
  expect(stdout).toContain(
    [
      'BROKEN  object         password: no key "pasword" at kv/data/app (it has: password)',
      "                       what to do: correct the object in the class, or what the secret holds",
      "                       who can: the application's team",
    ].join("\n"),
  );
  expect(stdout.split("\n").at(-2)).toBe(
    "15 passed, 1 broken, 0 skipped; begin with object password, which the application's team can fix: " +
      "correct the object in the class, or what the secret holds",
  );
});

test("several mistakes of one kind have a line each", async () => {
  const { stage, files } = await surgery();
  const argv = ["--config=keymount.yaml", "-f", "class.yaml", "--token-file", "token"];
  const mistaken = { ...files, "keymount.yaml": "evnts: true\nconnections: {main: {adresses: []}}\n" };
  const { code, stdout } = await callDoctor(argv, { files: mistaken, stage });
  expect(code).toBe(1);
  expect(stdout).toContain(
    [
      "BROKEN  configuration  keymount.yaml:1:1: evnts: is not a setting; did you mean events?",
      "                       keymount.yaml:2:15: connections.main.addresses: is missing",
      "                       keymount.yaml:2:22: connections.main.adresses: is not a setting; did you mean addresses?",
      "                       what to do: ",
    ].join("\n"),
  );
});

test("--json has the steps, without a token or a value in it", async () => {
  const { vault, flags, stage, files } = await surgery();
  const argv = [...flags, "-f", "class.yaml", "--token-file", "token"];
  const said = await callDoctor([...argv, "--json"], { files, stage });
  const { result, steps: reports } = JSON.parse(said.stdout) as { result: string; steps: Record<string, unknown>[] };
  expect(result).toBe("passed");
  expect(reports.find(({ step }) => step === "object")).toEqual({
    step: "object",
    subject: "password",
    result: "passed",
    facts: ["GET kv/data/app: 7 bytes"],
    warnings: [],
    ms: expect.any(Number) as number,
  });
  expect(said.stdout).not.toContain("hunter2");
  expect(said.stdout).not.toContain(files.token.split(".")[1]);
  vault.vault.node.status.sealed = true;
  expect((await doctorsReports(argv, { files, stage })).find(({ step }) => step === "vault")).toEqual({
    step: "vault",
    subject: vault.address,
    result: "broken",
    problem: "vault.sealed",
    what: `${name} at ${vault.address} is sealed`,
    fix: `unseal it (${command} operator unseal)`,
    who: "Vault's operator",
    ms: expect.any(Number) as number,
  });
});

describe("what it looks at", () => {
  test("without a class, all connections as far as their auth mounts", async () => {
    const { vault, stage } = await surgery();
    const file = JSON.stringify({
      default: "a",
      connections: {
        a: { addresses: [vault.address] },
        b: { addresses: [vault.address], auth: { mount: "elsewhere" } },
      },
    });
    const reports = await doctorsReports(["--config", "k.yaml"], { files: { "k.yaml": file }, stage });
    expect(reports.filter(({ step }) => step === "auth")).toMatchObject([
      { subject: "auth/kubernetes", result: "passed" },
      { subject: "auth/elsewhere", result: "broken", problem: "auth.absent" },
    ]);
    expect(reports.filter(({ step }) => step === "login").map(({ result }) => result)).toEqual(["skipped", "skipped"]);
  });

  test("with the flags of the serve that runs here, when none are given", async () => {
    const { flags, stage } = await surgery();
    const commandLine = ["node", "/app/keymount.js", "serve", ...flags, ""].join("\0");
    const [configuration] = (await doctorsReports([], { stage: { ...stage, firstProcess: () => commandLine } })).filter(
      ({ step }) => step === "configuration",
    );
    expect(configuration).toMatchObject({
      result: "passed",
      facts: expect.arrayContaining(["flags of the keymount serve that runs here"]) as string[],
    });
  });

  test("a token that comes in the class's own file, as through the one standard input of a pod", async () => {
    const { flags, stage, files } = await surgery();
    const request = `---\nkind: TokenRequest\nstatus: {token: ${files.token.trim()}}\n`;
    const { code, stdout } = await callDoctor([...flags, "-f", "-"], { files: { "-": webClass + request }, stage });
    expect(stdout).toContain("passed  login");
    expect(code).toBe(0);
  });

  test("objects that are made at every read only with --read-all", async () => {
    const { vault, flags, stage, files } = await surgery();
    await vault.admin.write("sys/mounts/transit", { type: "transit" });
    await vault.admin.write("transit/keys/app", {});
    const object = "{objectName: made, secretPath: transit/encrypt/app, method: PUT, secretArgs: {plaintext: aGV5}}";
    const asked = { ...files, "class.yaml": webClass.replace(/\{objectName.*\}/, object) };
    const argv = [...flags, "-f", "class.yaml", "--token-file", "token"];
    const result = async (more: string[]) =>
      (await doctorsReports([...argv, ...more], { files: asked, stage })).find(({ step }) => step === "object")?.result;
    expect(await result([])).toBe("skipped");
    expect(await result(["--read-all"])).toBe("passed");
  });
});

test("without a token the check is incomplete, which --strict fails", async () => {
  const { flags, stage, files } = await surgery();
  const argv = [...flags, "-f", "class.yaml"];
  const said = await callDoctor(argv, { files, stage });
  expect(said.code).toBe(0);
  expect(said.stdout).toMatch(
    /\nINCOMPLETE: nothing is broken in what was checked \(.*\); not checked: .*login, object/,
  );
  expect((await callDoctor([...argv, "--strict"], { files, stage })).code).toBe(1);
  const { result } = JSON.parse((await callDoctor([...argv, "-o", "json"], { files, stage })).stdout) as {
    result: string;
  };
  expect(result).toBe("incomplete");
  expect((await callDoctor([...argv, "--strict", "--token-file", "token"], { files, stage })).code).toBe(0);
});

describe("wrong usage gives exit code 2", () => {
  test.each<[string, string[], string]>([
    ["a duration that is none", ["--timeout", "soon"], "--timeout must be a duration"],
    ["a pod without its uid", ["--pod", "web-0"], "--pod needs --uid"],
    ["the standard input twice", ["-f", "-", "--token-file", "-"], "the standard input is one file"],
    ["an option without its value", ["--namespace"], "--namespace needs a value; see keymount doctor --help"],
    ["a file that is not there", ["-f", "no.yaml"], "cannot read no.yaml: there is no such file"],
    ["a token that is not there", ["--token-file", "no"], "cannot read no: there is no such file"],
    ["a file without a class", ["-f", "pod"], "pod holds no SecretProviderClass"],
  ])("%s", async (_name, argv, message) => {
    const said = await callDoctor(argv, { files: { pod: "kind: Pod\n" } });
    expect(said).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(message) as string });
  });
});

test("interrupted, it says so", async () => {
  const signal = AbortSignal.abort(new ProviderError("cancelled", "stopped by SIGINT"));
  expect(await callDoctor([], { signal })).toMatchObject({ code: 1, stderr: "keymount doctor: stopped by SIGINT\n" });
});

test("interrupted while it reads, it gives its token back", async () => {
  const { vault, flags, stage, files } = await surgery();
  vault.vault.fault({ path: "kv/data/app" }, hanging());
  const interrupt = new AbortController();
  const said = callDoctor([...flags, "-f", "class.yaml", "--token-file", "token"], {
    files,
    stage,
    signal: interrupt.signal,
  });
  await expect.poll(() => vault.vault.log.to("kv/data/app").length).toBe(1);
  expect(vault.vault.live.tokens).toBe(1);
  interrupt.abort(new ProviderError("cancelled", "stopped by SIGINT"));
  expect(await said).toMatchObject({ code: 1, stderr: "keymount doctor: stopped by SIGINT\n" });
  expect(vault.vault.live.tokens).toBe(0);
});
