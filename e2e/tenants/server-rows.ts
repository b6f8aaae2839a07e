import { answering, credentialAnswer, erring, type Fault, kvAnswer, type Misanswer } from "./fault.js";
import type { Misbehaviour, Tenant } from "./misbehaviour.js";
import { freshPods, objects, reads, samePods } from "./objects.js";

/** The kubelet's shortest wait between two tries. */
const pauseMs = 500;

/** Long enough for five requests to time out one after the other. */
const untilTimeouts = 24;

const onOwnPath =
  (how: Misanswer) =>
  (tenant: Tenant): Fault[] => [{ path: tenant.kv("own"), how }];

const fourPodsReadTheirPath = {
  lanes: 4,
  pauseMs,
  attempt: samePods((tenant, n) => reads(10, tenant.kv("own"), "key", n)),
};

const ownPathAnswers = (what: string, how: Misanswer): Misbehaviour => ({
  name: `4 pods read a path of theirs that ${what}`,
  item: "A.1",
  seconds: 12,
  faults: onOwnPath(how),
  mounts: fourPodsReadTheirPath,
});

/** The connection's policy must allow it, or nothing of it comes to Vault. */
export const vaultNamespace = "team-a";

const namespaceAnswers = (what: string, error: string): Misbehaviour => ({
  name: `4 pods use a Vault namespace that ${what}`,
  item: "A.3",
  seconds: 12,
  faults: () => [{ path: "", vaultNamespace, how: erring(503, error) }],
  mounts: {
    lanes: 4,
    pauseMs,
    attempt: samePods(({ kv }) => reads(3, kv("own"), "key"), { parameters: { vaultNamespace } }),
  },
});

const shortLived = samePods(({ kv }) => reads(1, kv("plain"), "key"), { direct: true });

const renewals = (what: string, how: Misanswer): Misbehaviour => ({
  name: `60 logins whose renewals ${what}`,
  item: "A.2, A.4",
  seconds: 24,
  // All are logged in, and the first renewals are due.
  leadSeconds: 12,
  faults: ({ kv }) => [
    { path: "auth/token/renew-self", how },
    { path: kv("plain"), how: kvAnswer({ key: "value" }) },
  ],
  mounts: {
    lanes: 60,
    pauseMs: 3_000,
    attempt: (tenant, n, lane) => {
      const attempt = shortLived(tenant, n, lane);
      return { ...attempt, parameters: { ...attempt.parameters, roleName: tenant.shortRole } };
    },
  },
});

/** Vault, and what stands behind it, goes wrong where one tenant asks. */
export const serverRows: readonly Misbehaviour[] = [
  {
    name: "2 pods read 10 logins each of a database that never answers",
    item: "A.1",
    seconds: untilTimeouts,
    mounts: { lanes: 2, pauseMs, attempt: samePods(({ database }) => reads(10, `${database}/creds/app`, "username")) },
  },
  {
    name: "1 volume with 100 logins of a database that never answers",
    item: "A.1",
    seconds: untilTimeouts,
    mounts: { lanes: 1, pauseMs, attempt: samePods(({ database }) => reads(100, `${database}/creds/app`, "username")) },
  },
  {
    name: "4 pods log in where TokenReview never answers",
    item: "A.1",
    seconds: untilTimeouts,
    mounts: {
      lanes: 4,
      pauseMs,
      attempt: (tenant, n) => ({
        pod: n,
        parameters: { vaultAuthMountPath: tenant.hangingAuth, objects: reads(1, tenant.kv("own"), "key") },
      }),
    },
  },
  {
    ...ownPathAnswers("takes 9.5 s", { kind: "late", ms: 9_500 }),
    seconds: untilTimeouts,
  },
  ownPathAnswers("a proxy answers with 502", answering(502, "bad gateway", { "content-type": "text/html" })),
  ownPathAnswers("is reset", { kind: "reset" }),
  ownPathAnswers("redirects to a stranger", answering(307, "", { location: "http://127.0.0.1:9/v1/elsewhere" })),
  ownPathAnswers("answers 503", erring(503, "service unavailable")),
  renewals("hang", { kind: "hang" }),
  renewals("answer 500", erring(500, "past the max TTL, cannot renew")),
  namespaceAnswers("is sealed", "namespace is sealed"),
  namespaceAnswers("is locked", "API access to this namespace has been locked by an administrator"),
  {
    name: "4 pods whose login is answered with 500",
    item: "A.4",
    seconds: 12,
    faults: () => [{ path: "auth/", how: erring(500, "failed to determine alias name") }],
    mounts: { lanes: 4, pauseMs, attempt: freshPods(({ kv }) => reads(1, kv("own"), "key")) },
  },
  {
    name: "credentials for no pod's volume, refused once they are made",
    item: "A.6",
    seconds: 10,
    faults: ({ database }) => [{ path: `${database}/creds/`, how: credentialAnswer("db/creds/1", { username: "u" }) }],
    mounts: {
      lanes: 4,
      pauseMs: 100,
      attempt: samePods(({ database }, n) => reads(10, `${database}/creds/app`, "username", n), { outsidePod: true }),
    },
  },
  {
    name: "credentials of 1 MB, as many as are given",
    item: "A.7",
    seconds: 12,
    faults: ({ database }) => [
      {
        path: `${database}/creds/`,
        how: credentialAnswer("db/creds/1", { username: "u", big: "x".repeat(1_000_000) }),
      },
    ],
    mounts: {
      lanes: 2,
      pauseMs: 100,
      attempt: freshPods(({ database }, n) => reads(2, `${database}/creds/app`, "username", n)),
    },
  },
  {
    name: "10 pods with more volumes than the node may serve",
    item: "A.7",
    outcome: /mounted/,
    least: 513,
    seconds: 12,
    faults: ({ kv }) => [{ path: kv("plain"), how: kvAnswer({ key: "value" }) }],
    mounts: {
      lanes: 10,
      pauseMs: 50,
      attempt: (tenant, n, lane) => ({
        pod: lane,
        volume: `v${n}`,
        direct: true,
        parameters: { objects: reads(1, tenant.kv("plain"), "key") },
      }),
    },
  },
  {
    name: "an answer of 3 MB in chunks of one byte",
    item: "B",
    seconds: 10,
    faults: ({ kv }) => [{ path: kv("own"), how: { kind: "one-byte chunks", body: oneByteBody } }],
    mounts: { lanes: 2, pauseMs, attempt: samePods(({ kv }, n) => reads(1, kv("own"), "key", n)) },
  },
  {
    name: "103 answers without an end",
    item: "B",
    seconds: 10,
    faults: onOwnPath({ kind: "endless 103" }),
    mounts: { lanes: 2, pauseMs, attempt: samePods(({ kv }, n) => reads(1, kv("own"), "key", n)) },
  },
  {
    name: "an answer of 3,000 errors, each 1,000 spaces",
    item: "B",
    seconds: 10,
    faults: onOwnPath(erring(400, ...Array.from({ length: 3_000 }, () => `x${" ".repeat(998)}x`))),
    mounts: { lanes: 2, pauseMs, attempt: samePods(({ kv }, n) => reads(1, kv("own"), "key", n)) },
  },
  {
    name: 'a refused login that says `claim "` 40,000 times',
    item: "B",
    seconds: 10,
    faults: () => [{ path: "auth/", how: erring(400, 'claim "'.repeat(40_000)) }],
    mounts: { lanes: 2, pauseMs, attempt: freshPods(({ kv }) => reads(1, kv("own"), "key")) },
  },
  {
    name: "8 pods refresh 100 objects each, all the time",
    item: "E, shares",
    seconds: 12,
    faults: ({ kv }) => [{ path: kv("own"), how: kvAnswer({ key: "v".repeat(1_000) }) }],
    mounts: {
      lanes: 8,
      pauseMs: 100,
      attempt: samePods(
        ({ kv }) =>
          objects(
            100,
            (n) => `- {objectName: f${n}, secretPath: "${kv("own")}?x=${n}", secretKey: key, refreshInterval: 1s}`,
          ),
        { direct: true },
      ),
    },
  },
];

const oneByteBody = JSON.stringify({ data: { data: { key: "k".repeat(3_000_000) }, metadata: { version: 1 } } });
