import { describe, expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { parseMountRequest } from "../../dev/testing/parse-mount-request.js";
import { threadCpuMs } from "../../dev/testing/thread-cpu.js";
import { ClassCache } from "./class-cache.js";
import { classBytes } from "./class-bytes.js";
import type { MountSpec } from "./mount-spec.js";
import { fetchPlanOf } from "./object-requests.js";

/** Each of these took from half a second to a minute, or ended the process; all together take some tenths of a second. */
const mostMs = 1_500;

const own = {
  "csi.storage.k8s.io/pod.name": "web-0",
  "csi.storage.k8s.io/pod.namespace": "shop",
  "csi.storage.k8s.io/pod.uid": "0b2c",
  "csi.storage.k8s.io/serviceAccount.name": "web",
  roleName: "web",
};
const oneObject = "- {objectName: a, secretPath: b}";
const put = "- objectName: a\n  secretPath: transit/encrypt/x\n  method: PUT\n";

function mounted(parameters: Record<string, string>, classes = new ClassCache(8 << 20)): MountSpec {
  const attributes = JSON.stringify({ ...own, objects: oneObject, ...parameters });
  const request = { attributes, secrets: "", targetPath: "/mnt/secrets-store", permission: "420" };
  return parseMountRequest(request, { refreshIntervalMs: 120_000, classes });
}

/** The message of the refusal, after no more than the time and memory that a class may take. */
function refusalOf(parameters: Record<string, string>): string {
  const [startedAt, before] = [threadCpuMs(), process.memoryUsage().heapUsed];
  try {
    fetchPlanOf(mounted(parameters).class.objects);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    expect(threadCpuMs() - startedAt).toBeLessThan(mostMs);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 << 20);
    expect(error.code).toBe("invalid_request");
    expect(error.message.length).toBeLessThan(8_192);
    return error.message;
  }
  throw new Error("it was not refused");
}

const list = <T>(count: number, one: (index: number) => T) => Array.from({ length: count }, (_, i) => one(i));
const merged = (entry: string) => `- &x {${entry}}\n${list(99, (i) => `- {<<: *x, objectName: f${i}}\n`).join("")}`;

describe("aliases cost what they stand for", () => {
  test.each<[string, string, RegExp]>([
    [
      "a text named 4,000 times",
      `${put}  secretArgs:\n    a: &x "${"y".repeat(30_000)}"\n    l: [${"*x,".repeat(4_000)}]\n`,
      /^objects, line 5: holds more than 262144 characters once aliases are followed at \[0\]\.secretArgs$/,
    ],
    [
      "a map whose key is long",
      `${put}  secretArgs:\n    a: &x {"${"y".repeat(30_000)}": 1}\n    l: [${"*x,".repeat(4_000)}]\n`,
      /characters once aliases are followed at \[0\]\.secretArgs$/,
    ],
    [
      "a map merged 100 times",
      merged(`objectName: a, secretPath: t, method: PUT, secretArgs: {a: "${"<".repeat(40_000)}"}`),
      /characters once aliases are followed at \[6\]/,
    ],
    [
      "merges of merges",
      `- &a {x: {${list(30, (i) => `k${i}: 1`).join(",")}}}\n${list(8, (i) => `- &${"bcdefghi"[i]} {l: [${`{<<: *${"abcdefgh"[i]}},`.repeat(6)}]}\n`).join("")}`,
      /holds more than 10000 values once aliases are followed|is nested more than/,
    ],
    [
      "a number in digits",
      `${put}  secretArgs: {a: ${"9".repeat(60_000)}}`,
      /secretArgs holds a number .*put it in quotes/,
    ],
    [
      "a number in hex",
      `${put}  secretArgs: {a: 0x${"f".repeat(60_000)}}`,
      /secretArgs holds a number .*put it in quotes/,
    ],
    [
      "a number in octal",
      `${put}  secretArgs: {a: 0o${"7".repeat(60_000)}}`,
      /secretArgs holds a number .*put it in quotes/,
    ],
    ["a float", `${put}  secretArgs: {a: 1.${"5".repeat(60_000)}e5}`, /secretArgs holds a number .*put it in quotes/],
    [
      "numbers named again",
      `${put}  secretArgs: {a: &x 0x${"f".repeat(30_000)}, l: [${"*x,".repeat(3_000)}]}`,
      /characters once aliases are followed/,
    ],
    [
      "a mode named again",
      `- {objectName: x, secretPath: b, filePermission: &p 0x${"9".repeat(2_500)}}\n${list(90, (i) => `- {objectName: a${i}, secretPath: b, filePermission: *p}`).join("\n")}`,
      /filePermission value is not a file mode/,
    ],
    [
      "a JSON Pointer of many steps",
      merged(`objectName: a, secretPath: b, secretKey: "${"/".repeat(2_000)}"`),
      /secretKey is longer than 1024 bytes/,
    ],
    [
      "a JSON Pointer of a thousand steps",
      `- {objectName: a, secretPath: b, secretKey: "${"/".repeat(1_000)}"}`,
      /secretKey is a JSON Pointer of more than 64 steps/,
    ],
    [
      "arguments that grow as JSON",
      `- {objectName: a, secretPath: t, method: PUT, secretArgs: {a: "${"<".repeat(60_000)}"}}`,
      /^secretArgs of all objects are 360008 bytes as JSON, more than 262144; use several classes and volumes$/,
    ],
  ])("%s", (_name, objects, message) => {
    expect(refusalOf({ objects })).toMatch(message);
  });

  test("what a class may well hold is taken", () => {
    const numbers = `${put}  secretArgs: {a: ${"9".repeat(1_000)}, b: "${"9".repeat(2_000)}", c: 3${"f".repeat(2_000)}, d: ${"1.2-".repeat(500)}}`;
    const [object] = mounted({ objects: numbers }).class.objects;
    expect(JSON.parse(object!.request.args!.reveal())).toMatchObject({
      b: "9".repeat(2_000),
      c: `3${"f".repeat(2_000)}`,
      d: "1.2-".repeat(500),
    });
    expect(object!.request.args!.reveal()).toContain(`"a":${"9".repeat(1_000)},`);
  });
});

describe("parameters cost what they weigh", () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ["slashes within a Vault namespace", { vaultNamespace: `x${"/".repeat(240_000)}x` }, /longer than 1024 bytes/],
    ["slashes within an auth mount", { vaultAuthMountPath: `x${"/".repeat(240_000)}x` }, /longer than 1024 bytes/],
    [
      "names that are numbers",
      Object.fromEntries(list(14_000, (i) => [`${4_294_967_294 - i * 268_435}`, ""] as const)),
      /^there are \d+ attributes, more than 1000$/,
    ],
    [
      "3,000 unknown parameters",
      Object.fromEntries(list(3_000, (i) => [`${i}`.padEnd(64, "q"), ""] as const)),
      /^there are \d+ attributes, more than 1000$/,
    ],
    [
      "tokens for audiences that are numbers",
      {
        "csi.storage.k8s.io/serviceAccount.tokens": `{${list(9_000, (i) => `"${4_294_967_294 - i * 268_435}":{}`).join(",")}}`,
      },
      /offers 9000 tokens, more than 32/,
    ],
    [
      "paths of 2,000 folders",
      { objects: merged(`objectName: "${"a/".repeat(1_000)}x", secretPath: b`) },
      /objectName has more than 32 steps; put the file into fewer folders/,
    ],
    [
      "a secretPath of 500 steps, each of which policy looks at",
      { objects: `- {objectName: a, secretPath: ${"a/".repeat(500)}x}` },
      /secretPath has more than 64 steps/,
    ],
  ])("%s", (_name, parameters, message) => {
    expect(refusalOf(parameters)).toMatch(message);
  });
});

describe("reports are complete and bounded", () => {
  const unknown = Object.fromEntries(list(900, (i) => [`${i}roleNmae`.padEnd(64, "q"), ""] as const));

  test("twenty of the unknown parameters are named", () => {
    const { unknown: told } = mounted(unknown).class;
    expect(told).toHaveLength(21);
    expect(told.at(-1)).toBe("and 880 more");
    const fields = list(90, (i) => `field${i}: 1`).join(", ");
    const short = `- &x {objectName: a, secretPath: b, ${fields}}\n${list(40, (i) => `- {<<: *x, objectName: f${i}}`).join("\n")}`;
    expect(mounted({ objects: short }).class.unknown).toHaveLength(21);
  });

  test("a refusal counts all mistakes", () => {
    const objects = list(100, (i) => `- {objectName: f${i}, secretPath: b, encoding: x, secretKey: k}`).join("\n");
    expect(refusalOf({ objects, onDenied: "panic" })).toMatch(/encoding "x" is not known.*; and 81 more$/);
  });
});

describe("the cache of classes", () => {
  test("a class that is refused is not read again, and other mistakes of a request are reported each time", () => {
    const classes = new ClassCache(8 << 20);
    const refused = (objects: string, more: Record<string, string> = {}) => {
      try {
        mounted({ objects, ...more }, classes);
      } catch (error) {
        return (error as ProviderError).message;
      }
      throw new Error("it was not refused");
    };
    const hostile = `${put}  secretArgs:\n    a: &x "${"y".repeat(30_000)}"\n    l: [${"*x,".repeat(4_000)}]\n`;
    const first = refused(hostile);
    const startedAt = threadCpuMs();
    for (let again = 0; again < 200; again += 1) expect(refused(hostile)).toBe(first);
    expect(threadCpuMs() - startedAt).toBeLessThan(1_000);
    expect(classes.size).toBe(1);
    expect(refused(hostile, { "csi.storage.k8s.io/pod.uid": "../x" })).toMatch(
      /pod\.uid is not a name.*; objects, line 5/,
    );
  });

  test("weighs what is kept of them, however short their texts", () => {
    const keys = list(90, (i) => `k${i}`).join(",");
    const objects = `- &x {objectName: a/, secretPath: b, keys: [${keys}]}\n${list(79, (i) => `- {<<: *x, objectName: f${i}/}\n`).join("")}`;
    const short = mounted({ objects });
    expect(classBytes(short.class)).toBeGreaterThan(10 * objects.length);
    expect(classBytes(mounted({}).class)).toBeLessThan(4_096);
  });

  test("keeps no more of them than it may", () => {
    const classes = new ClassCache(256 << 10);
    const template = "x".repeat(10_000);
    for (let index = 0; index < 50; index += 1) {
      mounted({ objects: `- {objectName: f${index}, secretPath: b, template: ${template}}` }, classes);
    }
    expect(classes.size).toBeLessThan(26);
    expect(classes.size).toBeGreaterThan(16);
  });
});
