import { createServer, type Server } from "node:net";
import { lstat, mkdir, readdir, readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import { describe, expect, onTestFinished, test } from "vitest";
import { RawHttp2Client } from "../../dev/testing/http2-client.js";
import { FakeClock } from "../../dev/testing/fake-clock.js";
import { mountWith, startTestServer, temporaryDirectory } from "../../dev/testing/rpc-server.js";
import { until } from "../../dev/testing/until.js";
import { CSIDriverProviderClient, MountRequest, type MountResponse } from "../wire/provider.js";
import { callVersion } from "./call-version.js";
import type { ProviderService } from "./provider-service.js";
import type { SocketState } from "./socket-keeper.js";

const never = new AbortController().signal;
const request = MountRequest.decode(Buffer.alloc(0));
const mounted: MountResponse = {
  objectVersion: [{ id: "app", version: "1" }],
  error: undefined,
  files: [{ path: "app", mode: 0o644, contents: Buffer.from("secret") }],
};
const version = () => ({ version: "v1alpha1", runtimeName: "keymount", runtimeVersion: "1.2.3" });

function clientOf(socketPath: string): CSIDriverProviderClient {
  const client = new CSIDriverProviderClient(`unix:${socketPath}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
  });
  onTestFinished(() => client.close());
  return client;
}

/** What a Mount came to: its files' names, or the error. */
function mount(client: CSIDriverProviderClient, change: Partial<MountRequest> = {}): Promise<string[] | ServiceError> {
  return new Promise((resolve) => {
    client.mount({ ...request, ...change }, (error, response) =>
      resolve(error ?? response.files.map(({ path }) => path)),
    );
  });
}

/** A service whose Mounts wait until told; it tells when one has begun. */
function slowService() {
  const waiting: ((response: MountResponse) => void)[] = [];
  const service: ProviderService = { version, mount: mountWith(() => new Promise((resolve) => waiting.push(resolve))) };
  return {
    service,
    begun: (count = 1) => until(() => waiting.length >= count),
    finish: () => waiting.splice(0).forEach((resolve) => resolve(mounted)),
  };
}

async function listening(path: string): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  return server;
}

/** A socket file whose process died: it has no listener. */
async function deadSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.live`, resolve));
  await rename(`${path}.live`, path);
  await new Promise((resolve) => server.close(resolve));
}

describe("the socket at start", () => {
  test("is closed to all but its owner, under any umask, and leaves no other name behind", async () => {
    const { socketPath } = await startTestServer();
    expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(socketPath, ".."))).toEqual(["vault.sock"]);
  });

  test("replaces one that a dead process left", async () => {
    const socketPath = join(await temporaryDirectory(), "vault.sock");
    await deadSocket(socketPath);
    await startTestServer({ socketPaths: [socketPath] });
    expect(await callVersion(socketPath, never)).toEqual(version());
  });

  test.each([
    ["a directory", (path: string) => mkdir(path), "there is a directory"],
    ["a file", (path: string) => writeFile(path, "precious"), "there is a file"],
  ])("is refused where %s lies, which stays", async (_name, put, found) => {
    const socketPath = join(await temporaryDirectory(), "vault.sock");
    await put(socketPath);
    await expect(startTestServer({ socketPaths: [socketPath] })).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining(found) as string,
    });
    expect((await lstat(socketPath)).isSocket()).toBe(false);
  });

  test("is refused where the path is longer than 107 bytes, and made where it is not", async () => {
    const directory = await temporaryDirectory();
    const ofLength = async (length: number) => {
      const deep = join(directory, "d".repeat(length - directory.length - "/".length - "/vault.sock".length));
      await mkdir(deep);
      return join(deep, "vault.sock");
    };
    const socketPath = await ofLength(107);
    await startTestServer({ socketPaths: [socketPath] });
    expect(await callVersion(socketPath, never)).toEqual(version());
    await expect(startTestServer({ socketPaths: [await ofLength(108)] })).rejects.toThrow("has 108 bytes");
  });

  test("is refused where there is no directory", async () => {
    const socketPath = join(await temporaryDirectory(), "nowhere", "vault.sock");
    await expect(startTestServer({ socketPaths: [socketPath] })).rejects.toThrow("ENOENT");
  });

  test("clears away temporary names of dead processes, and only those", async () => {
    const directory = await temporaryDirectory();
    await deadSocket(join(directory, ".km-dead00"));
    await listening(join(directory, ".km-alive0"));
    await writeFile(join(directory, ".km-file00"), "");
    await startTestServer({ socketPaths: [join(directory, "vault.sock")] });
    expect((await readdir(directory)).sort()).toEqual([".km-alive0", ".km-file00", "vault.sock"]);
  });
});

describe("a second socket", () => {
  const paths = async () => {
    const [first, second] = [await temporaryDirectory(), await temporaryDirectory()];
    return [join(first, "vault.sock"), join(second, "vault.sock")] as const;
  };

  test("serves the same, in place of a dead socket, and both are removed when the server stops", async () => {
    const socketPaths = await paths();
    await deadSocket(socketPaths[1]);
    const server = await startTestServer({ socketPaths });
    for (const path of socketPaths) expect(await mount(clientOf(path))).toEqual(["app"]);
    expect(server.state).toBe("listening");
    await server.stop();
    for (const path of socketPaths) await expect(stat(path)).rejects.toThrow("ENOENT");
  });

  test("that cannot be made leaves no first one behind", async () => {
    const socketPaths = await paths();
    await writeFile(socketPaths[1], "a file");
    await expect(startTestServer({ socketPaths })).rejects.toThrow("there is a file");
    await expect(stat(socketPaths[0])).rejects.toThrow("ENOENT");
  });

  test("that another live provider has taken makes us unready", async () => {
    const socketPaths = await paths();
    const clock = new FakeClock();
    const server = await startTestServer({ socketPaths, clock, graceMs: 0 });
    await startTestServer({ socketPaths: [socketPaths[1]] });
    await clock.advance(5_000);
    await until(() => server.state === "displaced");
  });
});

describe("the socket while running", () => {
  const watched = async (change: (socketPath: string) => Promise<void>) => {
    const clock = new FakeClock();
    const states: SocketState[] = [];
    const socketPath = join(await temporaryDirectory(), "vault.sock");
    const server = await startTestServer({
      socketPaths: [socketPath],
      clock,
      graceMs: 0,
      emit: (event) => event.kind === "socketChanged" && states.push(event.state),
    });
    await change(socketPath);
    await clock.advance(5_000);
    return { clock, server, states, socketPath };
  };

  test("is made again within ten seconds when another unlinked it", async () => {
    const { socketPath, server } = await watched(unlink);
    await until(async () => (await stat(socketPath).catch(() => undefined)) !== undefined);
    expect(await callVersion(socketPath, never)).toEqual(version());
    expect(server.state).toBe("listening");
  });

  test("is made again over a dead socket", async () => {
    const { socketPath } = await watched(async (path) => {
      await unlink(path);
      await deadSocket(path);
    });
    await until(() => callVersion(socketPath, never).catch(() => undefined));
  });

  test("is not fought over: a live provider keeps the path, and it is ours again when that one goes", async () => {
    const { clock, server, states, socketPath } = await watched((path) => unlink(path));
    await until(async () => (await stat(socketPath).catch(() => undefined)) !== undefined);
    const other = await startTestServer({
      socketPaths: [socketPath],
      service: { version: () => ({ ...version(), runtimeVersion: "2.0.0" }), mount: mountWith(async () => mounted) },
    });
    await clock.advance(5_000);
    await until(() => server.state === "displaced");
    await clock.advance(60_000);
    expect((await callVersion(socketPath, never)).runtimeVersion).toBe("2.0.0");
    await other.stop();
    await clock.advance(5_000);
    await until(() => server.state === "listening");
    expect((await callVersion(socketPath, never)).runtimeVersion).toBe("1.2.3");
    expect(states).toEqual(["listening", "displaced", "listening"]);
  });

  test("tells when it cannot be made again, and tries on", async () => {
    const { clock, server, socketPath } = await watched(async (path) => {
      await unlink(path);
      await mkdir(path);
    });
    await until(() => server.state === "failing");
    await import("node:fs/promises").then(({ rmdir }) => rmdir(socketPath));
    await clock.advance(5_000);
    await until(() => server.state === "listening");
  });
});

describe("an old and a new instance at one path", () => {
  test("the new one takes it over at once; the old one's end leaves it alone, and its open Mounts are answered", async () => {
    const slow = slowService();
    const old = await startTestServer({ service: slow.service, graceMs: 10_000 });
    const open = mount(clientOf(old.socketPath));
    await slow.begun();
    await startTestServer({ socketPaths: [old.socketPath] });
    const stopped = old.stop();
    slow.finish();
    expect(await open).toEqual(["app"]);
    await stopped;
    expect(await mount(clientOf(old.socketPath))).toEqual(["app"]);
  });
});

describe("a stop", () => {
  test("lets open Mounts finish, then removes the socket", async () => {
    const slow = slowService();
    const server = await startTestServer({ service: slow.service, graceMs: 10_000 });
    const open = mount(clientOf(server.socketPath));
    await slow.begun();
    const stopped = server.stop();
    expect(server.state).toBe("stopping");
    slow.finish();
    expect(await open).toEqual(["app"]);
    await stopped;
    expect(server.state).toBe("stopped");
    await expect(stat(server.socketPath)).rejects.toThrow("ENOENT");
  });

  test("answers Mounts that outlast the grace, also of a method that ignores its signal, with a final code", async () => {
    const slow = slowService();
    const clock = new FakeClock();
    const server = await startTestServer({ service: slow.service, clock, graceMs: 10_000 });
    const open = mount(clientOf(server.socketPath));
    await slow.begun();
    const stopped = server.stop();
    await clock.advance(10_000);
    expect(await open).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: "keymount is stopping on this node; the kubelet tries again",
    });
    await stopped;
  });

  test("refuses new Mounts at once, while the socket is still there", async () => {
    const slow = slowService();
    const server = await startTestServer({ service: slow.service, graceMs: 10_000 });
    const client = clientOf(server.socketPath);
    const open = mount(client);
    await slow.begun();
    const stopped = server.stop();
    expect(await mount(client)).toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(await mount(clientOf(server.socketPath))).toMatchObject({ code: status.FAILED_PRECONDITION });
    slow.finish();
    await open;
    await stopped;
  });

  test("says goodbye to idle connections, and waits for none", async () => {
    const server = await startTestServer();
    const client = await RawHttp2Client.connect(server.socketPath);
    client.callVersion();
    await client.until(() => client.frames.length > 0);
    await server.stop();
    await client.until(() => client.closed);
    expect(client.goaway).toBe(0);
  });

  test("may be called twice", async () => {
    const server = await startTestServer();
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    expect(server.state).toBe("stopped");
  });

  test("leaves a file that replaced the socket", async () => {
    const server = await startTestServer();
    await unlink(server.socketPath);
    await writeFile(server.socketPath, "another's");
    await server.stop();
    expect(await readFile(server.socketPath, "utf8")).toBe("another's");
  });
});

describe("the edge", () => {
  test("mounts a hundred and fifty volumes at once", async () => {
    const slow = slowService();
    const server = await startTestServer({ service: slow.service });
    const client = clientOf(server.socketPath);
    const all = Promise.all(Array.from({ length: 150 }, () => mount(client)));
    await slow.begun(150);
    slow.finish();
    expect(await all).toEqual(Array.from({ length: 150 }, () => ["app"]));
  });

  test("refuses a request above 768 KiB with a final code, and serves on", async () => {
    const server = await startTestServer();
    const client = clientOf(server.socketPath);
    const refused = await mount(client, { attributes: "x".repeat(768 * 1_024 + 1) });
    expect(refused).toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(await mount(client, { attributes: "x".repeat(700 * 1_024) })).toEqual(["app"]);
  });

  test("answers Version without the service's Mount, in well under five seconds", async () => {
    const slow = slowService();
    const server = await startTestServer({ service: slow.service });
    void mount(clientOf(server.socketPath));
    await slow.begun();
    expect(await callVersion(server.socketPath, AbortSignal.timeout(1_000))).toEqual(version());
  });

  test("a self-check of a socket without an answer fails within the caller's timeout", async () => {
    const path = join(await temporaryDirectory(), "vault.sock");
    await listening(path);
    await expect(callVersion(path, AbortSignal.timeout(50))).rejects.toMatchObject({ code: "unavailable" });
  });
});
