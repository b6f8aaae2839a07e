import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../testing/rpc-server.js";
import { devTokens } from "../../src/cli/dev-tokens.js";
import { serveDevTokens } from "./token-server.js";

const never = new AbortController().signal;
const pod = { namespace: "shop", name: "web-0", uid: "u", serviceAccount: "web" };

test("gives any pod's token to those who may open the socket", async () => {
  const socketPath = join(await temporaryDirectory(), "vault.sock");
  const server = await serveDevTokens(socketPath, ({ name }, audience) => `${name} for ${audience}`);
  expect(await devTokens({ pod, audience: "vault", socketPath }, never)).toBe("web-0 for vault");
  await server.stop();
  expect(await devTokens({ pod, audience: "vault", socketPath }, never)).toBeUndefined();
});

test("a second keymount dev in the directory is refused, and the first goes on", async () => {
  const socketPath = join(await temporaryDirectory(), "vault.sock");
  const first = await serveDevTokens(socketPath, () => "first");
  await expect(serveDevTokens(socketPath, () => "second")).rejects.toMatchObject({
    code: "invalid_request",
    message: expect.stringContaining("another keymount dev runs in ") as string,
  });
  expect(await devTokens({ pod, audience: "vault", socketPath }, never)).toBe("first");
  await first.stop();
});

test("what a killed one left behind is no obstacle", async () => {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, "dev-tokens.sock"), "");
  const socketPath = join(directory, "vault.sock");
  const server = await serveDevTokens(socketPath, () => "new");
  expect(await devTokens({ pod, audience: "vault", socketPath }, never)).toBe("new");
  await server.stop();
});
