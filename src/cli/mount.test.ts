import { mkdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { startTestServer, temporaryDirectory } from "../../dev/testing/rpc-server.js";
import type { MountRequest, MountResponse } from "../wire/provider.js";
import type { CommandIo } from "./command-io.js";
import { mountCommand } from "./mount.js";
import type { TokenSource, TokenRequest } from "./pod-token.js";

const clock = new FakeClock(Date.parse("2026-01-01T10:00:00Z"));
const never = new AbortController().signal;

const webClass = `kind: SecretProviderClass
metadata: {name: web, namespace: shop}
spec:
  provider: vault
  parameters:
    roleName: web
    objects: "[]"
`;

const answer = (files: Record<string, string>, versions: Record<string, string>, mode = 0o644): MountResponse => ({
  objectVersion: Object.entries(versions).map(([id, version]) => ({ id, version })),
  error: undefined,
  files: Object.entries(files).map(([path, text]) => ({ path, mode, contents: Buffer.from(text) })),
});
const good = answer({ "db/password": "hunter2", app: "canary" }, { db: "version-of-db-very-long", app: "v1" });

/** An answer of which an object comes from the cache. */
const stale = (response: MountResponse, objectName: string, error: ProviderError) => ({
  response,
  stale: [{ objectName, error }],
});

/** A provider that answers in turn, the last again and again, and the command before it. */
async function stage(...answers: (MountResponse | ProviderError | ReturnType<typeof stale>)[]) {
  const asked: MountRequest[] = [];
  const { socketPath } = await startTestServer({
    service: {
      version: () => Promise.reject(new Error("not asked")) as never,
      mount: (request) => {
        asked.push(request);
        const next = answers.length > 1 ? answers.shift()! : answers[0]!;
        if (next instanceof ProviderError) return { response: Promise.reject(next), summary: () => ({}) };
        const { response, stale } = "stale" in next ? next : { response: next, stale: [] };
        const volume = { files: response.files.length, bytes: 1, unchanged: false, stale };
        return { response: Promise.resolve(response), summary: () => ({ volume }) };
      },
    },
  });
  const out = join(await temporaryDirectory(), "volume");
  return { asked, out, usual: ["-f", "class.yaml", "--socket", socketPath, "--out", out] };
}

interface Setting {
  files?: Record<string, string>;
  colours?: boolean;
  tokenSource?: TokenSource;
  signal?: AbortSignal;
}

/** The command at a desk; `written` grows as it runs. */
function start(argv: readonly string[], { files = {}, colours = false, tokenSource, signal = never }: Setting = {}) {
  const written = { stdout: "", stderr: "" };
  const disk: Record<string, string> = { "class.yaml": webClass, ...files };
  const io: CommandIo = {
    program: "keymount",
    stdout: { write: (text) => (written.stdout += text), colours },
    stderr: { write: (text) => (written.stderr += text), colours },
    readFile: async (path) => {
      if (disk[path] === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
      return disk[path];
    },
  };
  return { written, code: mountCommand(tokenSource, clock).run(argv, io, signal) };
}

async function mount(argv: readonly string[], setting?: Setting) {
  const { written, code } = start(argv, setting);
  return { code: await code, ...written };
}

function jwt(claims: object): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.sig`;
}

test("mounts, and prints the files but not what is in them", async () => {
  const { usual, out } = await stage(good);
  const { code, stdout, stderr } = await mount(usual);
  expect(stdout).toBe(
    [
      "FILE         MODE  BYTES  VERSION",
      "app          0644      6  v1",
      "db/password  0644      7  version-of…",
      "",
    ].join("\n"),
  );
  expect(stderr).toBe(`mounted web for shop/web-0 (service account default) at ${out}: 2 files\n`);
  expect(code).toBe(0);
  expect(await readFile(join(out, "db/password"), "utf8")).toBe("hunter2");
  expect(await readlink(join(out, "app"))).toBe("..data/app");
});

test.each([
  ["a folder's", "all/"],
  ["the volume's own", "/"],
])("the version of a file is %s, where it has none", async (_name, id) => {
  const { usual } = await stage(answer({ "all/host": "db" }, { [id]: "v7" }));
  const { stdout } = await mount(usual);
  expect(stdout).toContain("all/host  0644      2  v7\n");
});

describe("says who mounts", () => {
  const podClaims = { namespace: "n", pod: { name: "p", uid: "u" }, serviceaccount: { name: "sa", uid: "x" } };
  const token = jwt({ aud: ["bao", "b"], exp: Date.parse("2026-01-01T11:00:00Z") / 1_000, "kubernetes.io": podClaims });

  test.each<[string, string[], Record<string, string>, Record<string, unknown>]>([
    [
      "by the class alone",
      [],
      {},
      {
        "pod.namespace": "shop",
        "pod.name": "web-0",
        "serviceAccount.name": "default",
        "serviceAccount.tokens": undefined,
      },
    ],
    [
      "by a token",
      ["--token-file", "t"],
      { t: `${token}\n` },
      {
        "pod.namespace": "n",
        "pod.name": "p",
        "pod.uid": "u",
        "serviceAccount.name": "sa",
        "serviceAccount.tokens": `{"bao":{"token":"${token}","expirationTimestamp":"2026-01-01T11:00:00Z"}}`,
      },
    ],
    [
      "by options before all",
      ["--token-file", "t", "-n", "a", "--pod", "b", "--uid", "c", "--service-account", "d", "--audience", "e"],
      { t: token },
      {
        "pod.namespace": "a",
        "pod.name": "b",
        "pod.uid": "c",
        "serviceAccount.name": "d",
        "serviceAccount.tokens": expect.stringMatching(/^\{"e":/) as string,
      },
    ],
    [
      "by a token that is no JSON Web Token",
      ["--token-file", "t"],
      { t: "opaque" },
      { "serviceAccount.tokens": '{"vault":{"token":"opaque","expirationTimestamp":"2026-01-01T10:10:00Z"}}' },
    ],
  ])("%s", async (_what, options, files, expected) => {
    const { usual, asked } = await stage(good);
    expect(await mount([...usual, ...options], { files })).toMatchObject({ code: 0 });
    const attributes = JSON.parse(asked[0]!.attributes) as Record<string, string>;
    expect(attributes).toMatchObject({ roleName: "web", objects: "[]", secretProviderClass: "web" });
    for (const [name, value] of Object.entries(expected)) {
      expect(attributes[`csi.storage.k8s.io/${name}`], name).toEqual(value);
    }
    expect(asked[0]!.targetPath).toBe(
      `/var/lib/kubelet/pods/${attributes["csi.storage.k8s.io/pod.uid"]}/volumes/kubernetes.io~csi/web/mount`,
    );
  });

  test("by a uid that is the pod's own, where none is given", async () => {
    const { usual, asked } = await stage(good);
    for (const pod of ["web-0", "web-0", "web-1"]) await mount([...usual, "--pod", pod]);
    const [first, again, other] = asked.map(({ targetPath }) => targetPath);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  test("by a volume of the class's name, so that two classes of a pod do not end each other's credentials", async () => {
    const { usual, asked } = await stage(good);
    for (const name of ["web", "db"])
      await mount(usual, { files: { "class.yaml": webClass.replace("name: web", `name: ${name}`) } });
    const volumes = asked.map(({ targetPath }) => targetPath.split("/").at(-2));
    expect(volumes).toEqual(["web", "db"]);
  });

  test("and asks for a token where none is given", async () => {
    const { usual, asked } = await stage(good);
    const requests: TokenRequest[] = [];
    const tokenSource: TokenSource = async (request) => {
      requests.push(request);
      return "minted";
    };
    const files = { "class.yaml": `${webClass}    audience: bao\n` };
    expect(await mount([...usual, "--pod", "web-7"], { files, tokenSource })).toMatchObject({ code: 0 });
    expect(requests).toEqual([
      {
        audience: "bao",
        socketPath: usual[3],
        pod: { namespace: "shop", name: "web-7", uid: expect.any(String) as string, serviceAccount: "default" },
      },
    ]);
    expect(asked[0]!.attributes).toContain("minted");
  });
});

describe("refused", () => {
  test("it says gRPC's name and the provider's words", async () => {
    const { usual } = await stage(new ProviderError("permission_denied", "role web does not take this pod"));
    expect(await mount(usual, { tokenSource: async () => "t" })).toEqual({
      code: 1,
      stdout: "",
      stderr: "PERMISSION_DENIED: role web does not take this pod\n",
    });
  });

  test("as JSON, too", async () => {
    const { usual } = await stage(new ProviderError("permission_denied", "role web does not take this pod"));
    const { code, stdout } = await mount([...usual, "--json"], { tokenSource: async () => "t" });
    expect([code, JSON.parse(stdout)]).toEqual([
      1,
      {
        event: "refused",
        time: expect.stringMatching(/^2026-.*Z$/) as string,
        code: "PERMISSION_DENIED",
        message: "role web does not take this pod",
      },
    ]);
  });

  test("without a token it says so", async () => {
    const { usual } = await stage(new ProviderError("unauthenticated", "no token"));
    expect(await mount(usual)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("give one with --token-file") as string,
    });
  });

  test("a path the driver does not write is named", async () => {
    const { usual } = await stage(answer({ "../x": "" }, { x: "1" }));
    expect(await mount(usual)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^UNKNOWN: the driver's way of writing fails: .*"\.\.\/x"/) as string,
    });
  });

  test("a socket without a listener is reported at once", async () => {
    const { usual } = await stage(good);
    const socket = join(await temporaryDirectory(), "none.sock");
    expect(await mount([...usual, "--socket", socket])).toEqual({
      code: 1,
      stdout: "",
      stderr: `keymount mount: no provider at ${socket}: there is no socket; start one with keymount serve or keymount dev, or name its socket with --socket\n`,
    });
  });
});

describe("wrong usage", () => {
  const two = `${webClass}---\n${webClass.replace("name: web,", "name: other,")}`;

  test.each<[string, string[], Record<string, string>, string]>([
    ["no class", ["--out", "x"], {}, "name the class with -f FILE"],
    ["no directory", ["-f", "class.yaml"], {}, "name the directory of the files with --out DIR"],
    ["an unknown option", ["--uot", "x"], {}, "unknown option --uot; did you mean --out?; see keymount mount --help"],
    [
      "an interval that is none",
      ["-f", "class.yaml", "--out", "x", "--watch", "--interval", "soon"],
      {},
      "--interval must be",
    ],
    [
      "a namespace that is none",
      ["-f", "class.yaml", "--out", "x", "-n", "Shop 1"],
      {},
      '--namespace "Shop 1" is not a name that Kubernetes gives',
    ],
    [
      "a class that is there twice",
      ["-f", "c", "--out", "x"],
      { c: `${webClass}---\n${webClass}` },
      "c holds 2 classes called web; keep one",
    ],
    ["a file that is not there", ["-f", "no.yaml", "--out", "x"], {}, "cannot read no.yaml: there is no such file"],
    ["a file without a class", ["-f", "c", "--out", "x"], { c: "kind: Pod\n" }, "c holds no SecretProviderClass"],
    ["a class with a mistake", ["-f", "c", "--out", "x"], { c: `${webClass}    port: 1\n` }, "c:8:11: parameter port"],
    ["several classes", ["-f", "c", "--out", "x"], { c: two }, "choose with --class among web, other"],
    ["another class", ["-f", "c", "--out", "x", "--class", "z"], { c: two }, "no class of that name, but web, other"],
    [
      "a provider the driver does not take",
      ["-f", "c", "--out", "x"],
      { c: webClass.replace("vault", "../x") },
      'spec.provider "../x"',
    ],
  ])("%s", async (_what, argv, files, message) => {
    const { code, stdout, stderr } = await mount(argv, { files });
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  test("a directory with other things in it is left alone", async () => {
    const { usual, out, asked } = await stage(good);
    await mkdir(out);
    await writeFile(join(out, "app"), "mine");
    expect(await mount(usual)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("holds other files") as string,
    });
    expect(await readFile(join(out, "app"), "utf8")).toBe("mine");
    expect(asked).toEqual([]);
  });

  test.each(["/proc/q", "/proc/q/r"])("a directory that cannot be made: %s", async (path) => {
    const { usual } = await stage(good);
    expect(await mount([...usual, "--out", path])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`--out ${path} cannot be used`) as string,
    });
  });

  test("a token file that is not there", async () => {
    const { usual } = await stage(good);
    expect(await mount([...usual, "--token-file", "t"])).toMatchObject({
      code: 2,
      stderr: "keymount mount: cannot read t: there is no such file\n",
    });
  });

  test("a token file that is empty", async () => {
    const { usual } = await stage(good);
    expect(await mount([...usual, "--token-file", "t"], { files: { t: " \n" } })).toMatchObject({
      code: 2,
      stderr: "keymount mount: t is empty: no service account token is in it\n",
    });
  });

  test("a directory that is a file", async () => {
    const { usual } = await stage(good);
    expect(await mount([...usual, "--out", "/dev/null/x"])).toMatchObject({
      code: 2,
      stderr: "keymount mount: --out /dev/null/x cannot be used: it is a file, or below one\n",
    });
  });
});

test("chooses a class of several", async () => {
  const { usual, asked } = await stage(good);
  const files = { "class.yaml": `${webClass}---\n${webClass.replace("name: web,", "name: other,")}` };
  expect(await mount([...usual, "--class", "other"], { files })).toMatchObject({ code: 0 });
  expect(asked[0]!.attributes).toContain('"secretProviderClass":"other"');
});

test("a mistake of another class in the file is that class's", async () => {
  const { usual } = await stage(good);
  const other = `${webClass.replace("name: web,", "name: other,")}    port: 1\n`;
  expect(
    await mount([...usual, "--class", "web"], { files: { "class.yaml": `${other}---\n${webClass}` } }),
  ).toMatchObject({
    code: 0,
  });
  expect(
    await mount([...usual, "--class", "other"], { files: { "class.yaml": `${webClass}---\n${other}` } }),
  ).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("parameter port must be a string") as string,
  });
});

test("colour is for terminals", async () => {
  const { usual } = await stage(good);
  expect((await mount(usual, { colours: true })).stdout).toContain("\u001b[1mFILE");
});

test("help goes to stdout", async () => {
  expect(await mount(["--help"])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: /) as string });
});

/** What `--watch` writes while the provider answers so in turn, until it is interrupted. */
async function watched(rounds: Parameters<typeof stage>, ...argv: string[]) {
  const { usual, asked, out } = await stage(...rounds);
  const interrupt = new AbortController();
  const asking = [...usual, "--watch", "--interval", "10s", ...argv];
  const { written, code } = start(asking, { signal: interrupt.signal });
  for (let mounts = 1; mounts <= rounds.length; mounts += 1) {
    await expect.poll(() => asked.length).toBe(mounts);
    await expect.poll(() => clock.sleepers).toBe(1);
    if (mounts < rounds.length) await clock.advance(10_000);
  }
  interrupt.abort(new ProviderError("cancelled", "stopped by SIGINT"));
  expect(await code).toBe(0);
  return { ...written, out };
}

describe("watching, it says what changed, until interrupted", () => {
  const down = new ProviderError("unavailable", "Vault is sealed");
  const rounds = [
    good,
    good,
    answer({ "db/password": "hunter3", app: "canary", new: "x" }, { db: "2", app: "v1", new: "1" }),
    down,
    down,
    answer({ app: "canary" }, { app: "v1" }),
  ];

  test("for people", async () => {
    const { stdout, stderr, out } = await watched(rounds);
    expect(stdout.split("\n").slice(3)).toEqual([
      "10:00:20Z changed  db/password  version-of… → 2",
      "10:00:20Z added    new  1",
      "10:00:30Z FAILED_PRECONDITION: Vault is sealed (the files stay as they are)",
      "10:00:50Z answers again",
      "10:00:50Z removed  db/password",
      "10:00:50Z removed  new",
      "",
    ]);
    expect(await readFile(join(out, "app"), "utf8")).toBe("canary");
    expect(stdout + stderr).not.toMatch(/canary|hunter/);
  });

  test("for programs", async () => {
    const { stdout, stderr } = await watched(rounds, "-o", "json");
    const [, ...later] = stdout.trimEnd().split("\n");
    const time = expect.stringMatching(/^2026-01-01T10:\d\d:\d\d\.000Z$/) as string;
    expect(later.map((line) => JSON.parse(line) as object)).toEqual([
      { event: "changed", time, path: "db/password", version: "2" },
      { event: "added", time, path: "new", version: "1" },
      { event: "refused", time, code: "FAILED_PRECONDITION", message: "Vault is sealed" },
      { event: "answered", time },
      { event: "removed", time, path: "db/password" },
      { event: "removed", time, path: "new" },
    ]);
    expect(stdout + stderr).not.toMatch(/canary|hunter/);
  });
});

describe("what is served stale, and why, is told once, and when it is fresh again", () => {
  const sealed = new ProviderError("unavailable", "Vault is sealed\u001b[2J\u2013");
  const other = new ProviderError("deadline_exceeded", "no answer");
  const rounds = [
    good,
    stale(good, "db/password", sealed),
    stale(good, "db/password", sealed),
    stale(good, "app", other),
    good,
  ];

  test("for people", async () => {
    const lines = (await watched(rounds)).stdout.trimEnd().split("\n").slice(3);
    expect(lines.map((line) => line.replace(/^\d\d:\d\d:\d\dZ /, ""))).toEqual([
      "served stale, from the cache: db/password: unavailable: Vault is sealed\\u001b[2J\u2013",
      "served stale, from the cache: app: deadline_exceeded: no answer",
      "fresh again: every object is as Vault has it",
    ]);
  });

  test("for programs", async () => {
    const { stdout } = await watched(rounds, "-o", "json");
    const [first, ...later] = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    const time = expect.stringMatching(/^2026-01-01T10:\d\d:\d\d\.000Z$/) as string;
    expect(first).toMatchObject({ event: "mounted", time, stale: [] });
    expect(later).toEqual([
      { event: "stale", time, stale: [{ object: "db/password", code: "unavailable", message: sealed.message }] },
      { event: "stale", time, stale: [{ object: "app", code: "deadline_exceeded", message: "no answer" }] },
      { event: "fresh", time },
    ]);
  });

  test("at the first mount as well", async () => {
    const { usual } = await stage(stale(good, "app", other));
    expect((await mount(usual)).stderr).toContain("served stale, from the cache: app: deadline_exceeded: no answer\n");
  });
});

test("-o json is one object, without what is in the files", async () => {
  const { usual, out } = await stage(good);
  const { stdout } = await mount([...usual, "-o", "json"]);
  expect(JSON.parse(stdout)).toEqual({
    event: "mounted",
    time: expect.stringMatching(/^2026-.*Z$/) as string,
    class: "web",
    pod: { namespace: "shop", name: "web-0", serviceAccount: "default", uid: expect.any(String) as string },
    directory: out,
    files: [
      { path: "app", mode: "0644", bytes: 6, version: "v1" },
      { path: "db/password", mode: "0644", bytes: 7, version: "version-of-db-very-long" },
    ],
    stale: [],
  });
  expect(stdout).not.toMatch(/hunter|canary/);
});

test("interrupted at the first mount, it fails", async () => {
  const { usual } = await stage(good);
  const signal = AbortSignal.abort(new ProviderError("cancelled", "stopped by SIGINT"));
  expect(await mount(usual, { signal })).toMatchObject({ code: 1, stderr: "keymount mount: stopped by SIGINT\n" });
});
