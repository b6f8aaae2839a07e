import { certificateOfChosenCurve, keyOfChosenCurve } from "../../dev/testing/chosen-curve.js";
import { pemOf } from "../../dev/testing/pem.js";
import { kvAnswer } from "./fault.js";
import type { Misbehaviour } from "./misbehaviour.js";
import { freshPods, objects, reads, samePods } from "./objects.js";

const pauseMs = 500;
const seconds = 10;
const item = "B";

/** Mounts of one pod, one after another. */
const onePod = (objectsOf: Parameters<typeof samePods>[0]) => ({ lanes: 1, pauseMs, attempt: samePods(objectsOf) });

/** A class whose text is small and whose meaning is not, or a secret that costs more than it weighs. */
export const classRows: readonly Misbehaviour[] = [
  {
    name: "YAML aliases: 30 KB, 4,000 times",
    item,
    seconds,
    outcome: /alias/,
    mounts: onePod(
      ({ kv }, n) =>
        `- {objectName: f, secretPath: ${kv("own")}, method: POST, secretArgs: {n: ${n}, a: &a ${"x".repeat(30_000)}, l: [${"*a, ".repeat(4_000)}]}}`,
    ),
  },
  ...["0x", ""].map(
    (base): Misbehaviour => ({
      name: `keys that are ${base === "" ? "decimal" : "hex"} numbers of 50,000 digits`,
      item,
      seconds,
      // It is sent as it is: Vault finds no secret in it.
      outcome: /no data provided/,
      mounts: onePod(
        ({ kv }, n) =>
          `- {objectName: f, secretPath: ${kv("own")}, method: POST, secretArgs: {${base}${"9".repeat(50_000)}${n}: x}}`,
      ),
    }),
  ),
  {
    name: "100 objects of a 1 MB secret that differ by ?x=N",
    item,
    seconds,
    faults: ({ kv }) => [{ path: kv("own"), how: kvAnswer({ key: "1", big: "x".repeat(1_000_000) }) }],
    mounts: onePod(({ kv }, n) => reads(100, kv("own"), "key", n)),
  },
  {
    name: "20 Mounts at once, 100 secrets of 300 KB each",
    item,
    seconds: 14,
    faults: ({ kv }) => [{ path: kv("own"), how: kvAnswer({ key: "1", big: "x".repeat(300_000) }) }],
    mounts: {
      lanes: 20,
      pauseMs,
      attempt: samePods(({ kv }, n) => reads(100, kv("own"), "key", n), { direct: true }),
    },
  },
  {
    name: "secrets of 10,000 numbers, 20 in each of 20 volumes",
    item: "E, held bytes",
    seconds: 14,
    faults: ({ kv }) => [
      { path: kv("own"), how: kvAnswer({ key: "1", list: Array.from({ length: 10_000 }, () => 1) }) },
    ],
    mounts: {
      lanes: 4,
      pauseMs: 100,
      attempt: (tenant, n, lane) => ({
        pod: lane,
        volume: `v${n % 20}`,
        direct: true,
        parameters: { objects: reads(20, tenant.kv("own"), "key", n) },
      }),
    },
  },
  {
    name: "250 Mounts at once of a 250 KB class that waits for Vault",
    item: "E, attributes in flight",
    seconds: 14,
    faults: ({ kv }) => [{ path: kv("own"), how: { kind: "late", ms: 8_500 } }],
    mounts: {
      lanes: 250,
      // In which all 250 come: sooner, their sender and the driver keep both cores of a small machine busy themselves.
      pauseMs: 9_000,
      attempt: (tenant, n, lane) => ({
        pod: lane % 10,
        volume: `v${n}`,
        direct: true,
        parameters: { objects: reads(1, tenant.kv("own"), "key", n), unknown: "u".repeat(250_000) },
      }),
    },
  },
  {
    name: "20 patterns over a key of 500,000 characters",
    item,
    seconds,
    faults: ({ kv }) => [{ path: kv("own"), how: kvAnswer({ ["a".repeat(500_000)]: "1", b: "2" }) }],
    mounts: onePod(({ kv }, n) => {
      const patterns = Array.from({ length: 20 }, (_, p) => `"*${"a".repeat(240 - p)}b"`).join(", ");
      return `- {objectName: f${n}/, secretPath: ${kv("own")}, keys: [${patterns}]}`;
    }),
  },
  {
    name: "a folder of 1,000 keys a/a/a/…",
    item,
    seconds,
    faults: ({ kv }) => [
      {
        path: kv("own"),
        how: kvAnswer(Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`${"a/".repeat(1_500)}${n}`, "1"]))),
      },
    ],
    mounts: onePod(({ kv }, n) => `- {objectName: f${n}/, secretPath: ${kv("own")}}`),
  },
  {
    name: "3,000 unknown parameters",
    item,
    seconds,
    outcome: /parameter|attributes|mounted/,
    mounts: {
      lanes: 1,
      pauseMs,
      attempt: (tenant, n) => ({
        pod: 0,
        parameters: {
          objects: reads(1, tenant.kv("own"), "key"),
          ...Object.fromEntries(Array.from({ length: 3_000 }, (_, m) => [`${"p".repeat(56)}${n % 100}${m}`, "1"])),
        },
      }),
    },
  },
  {
    name: "classes with nothing but unknown fields, another one each time",
    item,
    seconds,
    outcome: /field|mounted/,
    mounts: {
      lanes: 4,
      pauseMs: 50,
      attempt: samePods(
        ({ kv }, n) =>
          `- {objectName: f${n}, secretPath: ${kv("own")}, ${Array.from({ length: 500 }, (_, m) => `${m}: `).join(", ")}}`,
        { direct: true },
      ),
    },
  },
  {
    name: "a private key with a line of 200,000 spaces",
    item,
    seconds,
    faults: ({ kv }) => [{ path: kv("own"), how: kvAnswer({ "tls.crt": spacedKey, "tls.key": spacedKey }) }],
    mounts: onePod(({ kv }, n) => `- {objectName: f${n}, secretPath: ${kv("own")}, format: pem-bundle}`),
  },
  {
    name: "20 certificates and a key on a curve of their writer's choice",
    item: "found after issue 11",
    seconds,
    outcome: /explicit curve parameters/,
    faults: ({ kv }) => [{ path: kv("own"), how: kvAnswer(ofChosenCurve) }],
    mounts: onePod(({ kv }, n) => `- {objectName: f${n}, secretPath: ${kv("own")}, format: pem-bundle}`),
  },
  {
    name: "an env file of 2 MB of quotes",
    item,
    seconds,
    faults: ({ kv }) => [{ path: kv("own"), how: kvAnswer({ KEY: '"'.repeat(2_000_000), OTHER: "'".repeat(2_000) }) }],
    mounts: onePod(({ kv }, n) =>
      ["env", "docker-env", "properties", "json", "yaml"]
        .map((format) => `- {objectName: ${format}${n}, secretPath: ${kv("own")}, format: ${format}}`)
        .join("\n"),
    ),
  },
  {
    name: "a template over 10 sources of 3.5 MB of <",
    item,
    seconds,
    faults: ({ kv }) => [{ path: kv("own"), how: kvAnswer({ text: "<".repeat(3_500_000) }) }],
    mounts: onePod(({ kv }, n) => {
      const sources = Array.from({ length: 10 }, (_, s) => `s${s}: {secretPath: "${kv("own")}?x=${s}"}`).join(", ");
      return `- {objectName: f${n}, sources: {${sources}}, template: "{{ s0.text | escape | size }} ${n}"}`;
    }),
  },
  {
    name: "templates that never end",
    item: "held before issue 11",
    seconds,
    faults: ({ kv }) => [{ path: kv("own"), how: kvAnswer({ text: "ab" }) }],
    mounts: {
      lanes: 4,
      pauseMs: 0,
      attempt: freshPods(
        ({ kv }, n) =>
          objects(
            20,
            (m) =>
              `- {objectName: f${m}, secretPath: ${kv("own")}, template: "${n} ${m} {% for i in (1..9999) %}{% for j in (1..9999) %}{% endfor %}{% endfor %}"}`,
          ),
        {},
      ),
    },
  },
];

/** RFC 1421: a key with headers keeps its lines. */
const spacedKey = [
  "-----BEGIN RSA PRIVATE KEY-----",
  "Proc-Type: 4,ENCRYPTED",
  `${" ".repeat(200_000)}x`,
  "-----END RSA PRIVATE KEY-----",
].join("\n");

const ofChosenCurve = {
  "tls.crt": pemOf("CERTIFICATE", certificateOfChosenCurve).repeat(20),
  "tls.key": pemOf("EC PRIVATE KEY", keyOfChosenCurve),
};
