import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { writePayloads } from "../src/driver/atomic-writer.js";
import { checkPayloadPath } from "../src/driver/payload-path.js";
import { systemClock } from "../src/shared/clock.js";
import { sampleConnection } from "../dev/testing/connection.js";
import { wireRequest } from "../src/vault/api-path.js";
import type { VaultRequest } from "../src/mount/mount-spec.js";
import type { File } from "../src/wire/provider.js";
import { wellKnown } from "./attributes.js";
import { HeldSecrets } from "./held-secrets.js";
import { MountRoom } from "./mounting.js";
import { oddValues } from "./parameters.js";
import { pod, podVolume } from "./service-account-token.js";
import type { Target } from "./target.js";

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      "a",
      "b",
      "app",
      "data",
      "kv",
      "secret",
      "..",
      ".",
      "",
      "...",
      "..data",
      "..a",
      "a.",
      ".a",
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "sys",
      "auth",
      "SYS",
      "%2e%2e",
      "%73ys",
      "a%23b",
      "a%3Fb",
      "%25",
      "100%",
      "a#b",
      "%5C",
      "..%5C",
      "%5C..",
      "%2f",
      "%252f",
      "%%32e.",
      "%c0%af",
      "v1",
      "a b",
      "é",
      "e\u0301",
      "\u2215",
      "a\\b",
      "x".repeat(255),
      "x".repeat(256),
      "é".repeat(128),
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom(...oddValues) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 5 }) },
);
const path = fc.array(step, { minLength: 1, maxLength: 6 }).map((steps) => steps.join("/"));
const query = fc.oneof(
  { weight: 4, arbitrary: fc.constant("") },
  path.map((text) => `?${text}`),
  fc.constantFrom("?version=2", "?list=true", "?a=b&a=c", "?;"),
);
const uid = fc.oneof(fc.constantFrom(pod.uid, "uid-2", pod.uid.toUpperCase()), step);
const volumePath = fc
  .tuple(fc.constantFrom("/var/lib/kubelet", "/mnt", ""), path, uid, fc.oneof(fc.constant("secrets"), path))
  .chain(([root, odd, of, volume]) =>
    fc.constantFrom(
      `${root}/pods/${of}/volumes/kubernetes.io~csi/${volume}/mount`,
      `${root}/pods/${of}/volumes/kubernetes.io~csi/${volume}/mount/${odd}`,
      `${root}/pods/${pod.uid}/volumes/kubernetes.io~csi/a/pods/${of}/volumes/kubernetes.io~csi/${volume}/mount`,
      `${root}/${odd}`,
      odd,
    ),
  );

interface Case {
  names: string[];
  secretPath: string;
  targetPath: string;
}

/** Paths: of files in the volume, of secrets in Vault, of the volume on the node. */
export const pathsTarget: Target<Case> = {
  name: "paths",
  cases: fc.record({
    names: fc.array(path, { minLength: 1, maxLength: 3 }),
    secretPath: fc.tuple(path, query).map((parts) => parts.join("")),
    targetPath: fc.oneof({ weight: 3, arbitrary: fc.constant(podVolume) }, volumePath),
  }),
  regressions: oddValues.flatMap((value) => [
    { names: [value], secretPath: "kv/app", targetPath: podVolume },
    { names: ["a"], secretPath: value, targetPath: podVolume },
    { names: ["a"], secretPath: "kv/app", targetPath: value },
    { names: ["a", `a/${value}`, value], secretPath: "kv/app", targetPath: podVolume },
  ]),
  async open() {
    const room = new MountRoom();
    const answers = new HeldSecrets();
    const parts = { answers, connection: sampleConnection(), clock: systemClock };
    const directory = await mkdtemp(join(tmpdir(), "km-fuzz-"));
    return {
      async check({ names, secretPath, targetPath }) {
        const objects = JSON.stringify(names.map((objectName) => ({ objectName, secretPath })));
        const request = {
          attributes: JSON.stringify({ ...wellKnown, objects }),
          secrets: "",
          permission: "420",
          targetPath,
          currentObjectVersion: [],
        };
        const signal = new AbortController().signal;
        const outcome = await room.mount(request, parts, signal);
        if (!outcome.ok) return;
        expectSafeTarget(targetPath);
        for (const asked of answers.requests) {
          expectSafeRequest(asked);
          expectDecodedOnce(secretPath, asked);
        }
        await expectWritable(directory, outcome.response.files, signal);
      },
      close: () => rm(directory, { recursive: true }),
    };
  },
};

/** What we admit, the driver writes, all of it. */
async function expectWritable(parent: string, files: readonly File[], signal: AbortSignal): Promise<void> {
  for (const { path: written } of files) checkPayloadPath(written);
  const directory = await mkdtemp(join(parent, "volume-"));
  await writePayloads(directory, files, systemClock, signal);
  for (const { path: written, contents } of files) {
    if (!(await readFile(join(directory, written))).equals(contents))
      throw new Error(`${written} holds something else`);
  }
  await rm(directory, { recursive: true });
}

/** The path that was admitted is the path that a server sees, and none that is denied. */
function expectSafeRequest(request: VaultRequest): void {
  const { path: sent } = wireRequest(request);
  const url = new URL(`http://vault.example/v1/${sent}`);
  if (`${url.pathname}${url.search}` !== `/v1/${sent}`) throw new Error(`/v1/${sent} is sent as ${url.href}`);
  const [pathname = ""] = sent.split("?");
  const decoded = decodeURIComponent(pathname);
  if (decoded !== request.path) throw new Error(`${request.path} arrives as ${decoded}`);
  const steps = decoded.split("/");
  if (steps.some((one) => ["", ".", ".."].includes(one))) throw new Error(`${decoded} climbs`);
  if (["sys", "auth"].includes(steps[0]!)) throw new Error(`${decoded} is denied to all, and was asked`);
}

/** The path that policy judged is what one decoding makes of what the class's author wrote. */
function expectDecodedOnce(written: string, { path }: VaultRequest): void {
  const [plain = ""] = written.split("?");
  const steps = decodeURIComponent(plain.replace(/%(?![0-9a-f]{2})/gi, "%25")).split("/");
  const named = steps.filter((one) => one !== "");
  if (named[0] === "v1") named.shift();
  if (named.join("/") !== path) throw new Error(`${written} was judged as ${path}`);
}

/** Only the pod's own volumes count as a pod's, and no path climbs. */
function expectSafeTarget(targetPath: string): void {
  const steps = targetPath.split("/").slice(1);
  if (!targetPath.startsWith("/") || steps.some((one) => ["", ".", ".."].includes(one))) {
    throw new Error(`the target path ${JSON.stringify(targetPath)} was taken`);
  }
  const found = /\/pods\/([^/]+)\/volumes\/kubernetes\.io~csi\/[^/]+\/mount$/.exec(targetPath);
  if (found && found[1] !== pod.uid) throw new Error(`the target path of pod ${found[1]} was taken`);
}
