import { expect, test } from "vitest";
import type { CredentialInfo } from "../shared/credential-info.js";
import { timeUntil, leasesTable } from "./leases-table.js";

const wall = Date.parse("2026-01-01T00:00:00Z");
const minute = 60_000;
const lease: CredentialInfo = {
  kind: "lease",
  connection: "main",
  vaultNamespace: "",
  engine: "database",
  path: "database/creds/app",
  role: "web",
  tokenAccessor: "accessor",
  namespace: "shop",
  pods: [{ namespace: "shop", name: "web-0", uid: "uid-1" }],
  volumes: 1,
  state: "held",
  renewAt: wall + 30 * minute,
  endsAt: wall + 50 * minute,
  failures: 0,
};

test("what comes next comes first, and nothing of a value is in it", () => {
  const { renewAt: _none, ...withoutRenewal } = lease;
  const token: CredentialInfo = { ...lease, kind: "token", engine: "token", path: "auth/kubernetes/login" };
  const table = leasesTable(
    [
      lease,
      { ...token, renewAt: wall + 10 * minute, endsAt: wall + 20 * minute, failures: 2 },
      { ...withoutRenewal, kind: "issued", engine: "pki", replaceAt: wall - minute, state: "due" },
      { ...lease, kind: "issued", engine: "", path: "auth/x", pods: [], volumes: 0, state: "leaving" },
      { ...lease, state: "dead" },
      { ...lease, pods: [], renewAt: wall + 40 * minute },
    ],
    wall,
  );
  expect(table.split("\n").map((line) => line.replace(/ {2,}/g, " | "))).toEqual([
    "WHAT | ENGINE | CONNECTION | PATH | ROLE | PODS | STATE | NEXT | ENDS",
    "lease | database | main | database/creds/app | web | shop/web-0 | dead | - | in 50m",
    "issued | pki | main | database/creds/app | web | shop/web-0 | due | replaced from 1m ago | in 50m",
    "token | token | main | auth/kubernetes/login | web | shop/web-0 | held (failed 2×) | renewed in 10m | in 20m",
    "lease | database | main | database/creds/app | web | shop/web-0 | held | renewed in 30m | in 50m",
    "lease | database | main | database/creds/app | web | shop/(synced) | held | renewed in 40m | in 50m",
    "issued | - | main | auth/x | web | - | leaving | ends in 50m | in 50m",
    "",
  ]);
});

test.each([
  [0, "now"],
  [400, "now"],
  [59_000, "in 59s"],
  [-59_000, "59s ago"],
  [65 * minute, "in 1h5m"],
  [26 * 60 * minute + minute, "in 1d2h"],
  [60 * minute, "in 1h"],
])("%d ms is %s", (ms, words) => {
  expect(timeUntil(ms)).toBe(words);
});

test("names of others act on no terminal", () => {
  const table = leasesTable([{ ...lease, path: "kv/\u202eppa", role: "\u001b[2J" }], wall);
  expect(table).toContain("kv/\\u202eppa  \\u001b[2J");
});
