import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { chart } from "../stack/helm.js";
import { binaries } from "./fixture.js";

const run = promisify(execFile);
const directory = await mkdtemp(join(tmpdir(), "km-alerts-"));
afterAll(() => rm(directory, { recursive: true }));

/** By series, its samples of an hour and a half, one a minute, as promtool writes them; `0+1x90` grows. */
type Samples = Readonly<Record<string, string>>;

const node = (name: string) => `instance="${name}", job="keymount"`;

/** A node on which all is well, with pods that are mounted and credentials that are renewed. */
const well: Samples = {
  [`keymount_build_info{${node("a")}}`]: "1x90",
  'kube_daemonset_status_number_unavailable{daemonset="keymount"}': "0x90",
  [`keymount_mounts_total{${node("a")}, outcome="changed"}`]: "0+1x90",
  [`keymount_mounts_total{${node("a")}, outcome="stale"}`]: "0+1x90",
  [`keymount_mounts_total{${node("a")}, outcome="cancelled"}`]: "0+1x90",
  [`keymount_stale_seconds{${node("a")}}`]: "30x90",
  [`keymount_vault_up{${node("a")}, connection="default"}`]: "1x90",
  [`keymount_vault_up{${node("b")}, connection="default"}`]: "1x90",
  [`keymount_connection_faulty{${node("a")}, connection="default"}`]: "0x90",
  [`keymount_logins_total{${node("a")}, connection="default", outcome="ok"}`]: "0+1x90",
  [`keymount_tls_files_rejected_total{${node("a")}, connection="default"}`]: "0x90",
  [`keymount_credentials_ending{${node("a")}, connection="default", engine="database"}`]: "0x90",
  [`keymount_renewals_total{${node("a")}, connection="default", engine="database", outcome="ok"}`]: "0+1x90",
  [`keymount_state_records_total{${node("a")}, outcome="restored"}`]: "0+1x90",
  [`keymount_vault_waiting{${node("a")}, connection="default"}`]: "100x90",
  [`keymount_memory_limit_bytes{${node("a")}}`]: "167772160x90",
  [`process_resident_memory_bytes{${node("a")}}`]: "100000000x90",
  'process_resident_memory_bytes{instance="x", job="other"}': "900000000x90",
  [`keymount_uncaught_exceptions_total{${node("a")}}`]: "0x90",
};

test.each<[string, Samples, string[]]>([
  ["all is well", {}, []],
  [
    "a node without a ready keymount",
    { 'kube_daemonset_status_number_unavailable{daemonset="keymount"}': "1x90" },
    ["KeymountAbsent"],
  ],
  ["no metrics", { [`keymount_build_info{${node("a")}}`]: "_x90" }, ["KeymountNotScraped"]],
  ...["unavailable", "deadline_exceeded", "limit_exceeded", "internal"].map((outcome): [string, Samples, string[]] => [
    `Mounts that fail with ${outcome}`,
    { [`keymount_mounts_total{${node("a")}, outcome="${outcome}"}`]: "0+1x90" },
    ["KeymountMountsFail"],
  ]),
  ...["invalid_request", "unauthenticated", "permission_denied", "not_found"].map(
    (outcome): [string, Samples, string[]] => [
      `Mounts that are refused with ${outcome}`,
      { [`keymount_mounts_total{${node("a")}, outcome="${outcome}"}`]: "0+1x90" },
      ["KeymountMountsRefused"],
    ],
  ),
  ["secrets that are two hours old", { [`keymount_stale_seconds{${node("a")}}`]: "7200x90" }, ["KeymountStale"]],
  [
    "a Vault that no node reaches: one alert",
    {
      [`keymount_vault_up{${node("a")}, connection="default"}`]: "0x90",
      [`keymount_vault_up{${node("b")}, connection="default"}`]: "0x90",
    },
    ["KeymountVaultDown"],
  ],
  [
    "a fault that only an administrator can mend",
    { [`keymount_connection_faulty{${node("a")}, connection="default"}`]: "1x90" },
    ["KeymountConnectionFaulty"],
  ],
  [
    "logins that are denied",
    { [`keymount_logins_total{${node("a")}, connection="default", outcome="permission_denied"}`]: "0+1x90" },
    ["KeymountLoginsFail"],
  ],
  [
    "TLS files that cannot be used",
    { [`keymount_tls_files_rejected_total{${node("a")}, connection="default"}`]: "0+1x90" },
    ["KeymountTlsFilesRejected"],
  ],
  [
    "a credential that ends",
    { [`keymount_credentials_ending{${node("a")}, connection="default", engine="database"}`]: "1x90" },
    ["KeymountCredentialsEnding"],
  ],
  [
    "renewals that fail",
    { [`keymount_renewals_total{${node("a")}, connection="default", engine="database", outcome="later"}`]: "0+1x90" },
    ["KeymountRenewalsFail"],
  ],
  [
    "records that are not written",
    { [`keymount_state_records_total{${node("a")}, outcome="not_written"}`]: "0+1x90" },
    ["KeymountStateNotKept"],
  ],
  [
    "a long queue",
    { [`keymount_vault_waiting{${node("a")}, connection="default"}`]: "101x90" },
    ["KeymountVaultQueue"],
  ],
  [
    "memory beyond 70 % of the limit",
    { [`process_resident_memory_bytes{${node("a")}}`]: "120000000x90" },
    ["KeymountMemory"],
  ],
  [
    "much memory without a limit",
    {
      [`process_resident_memory_bytes{${node("a")}}`]: "900000000x90",
      [`keymount_memory_limit_bytes{${node("a")}}`]: "0x90",
    },
    [],
  ],
  [
    "an error that nothing caught",
    { [`keymount_uncaught_exceptions_total{${node("a")}}`]: "0+1x90" },
    ["KeymountUncaughtExceptions"],
  ],
])("%s: fires %3$j", async (_, samples, firing) => {
  const file = join(directory, "alerts.yaml");
  const text = stringify({
    rule_files: [join(chart, "monitoring", "alerts.yaml")],
    evaluation_interval: "1m",
    tests: [
      {
        interval: "1m",
        input_series: Object.entries({ ...well, ...samples }).map(([series, values]) => ({ series, values })),
        promql_expr_test: [
          {
            expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
            eval_time: "80m",
            exp_samples: firing.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 })),
          },
        ],
      },
    ],
  });
  await writeFile(file, text);
  await expect(run(binaries.promtool, ["test", "rules", file])).resolves.toBeDefined();
});

test("promtool finds nothing wrong with the rules", async () => {
  const { stdout } = await run(binaries.promtool, [
    "check",
    "rules",
    "--lint-fatal",
    join(chart, "monitoring", "alerts.yaml"),
  ]);
  expect(stdout).toContain("SUCCESS");
});

interface Panel {
  targets?: { expr: string }[];
}

test("promtool can parse each query of the dashboard", async () => {
  const text = await readFile(join(chart, "monitoring", "dashboard.json"), "utf8");
  const { panels } = JSON.parse(text) as { panels: Panel[] };
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  expect(queries.length).toBeGreaterThan(30);
  const file = join(directory, "dashboard.yaml");
  const rules = queries.map((expr, index) => ({
    record: `query:${index}`,
    expr: expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$\w+/g, ".*"),
  }));
  await writeFile(file, stringify({ groups: [{ name: "dashboard", rules }] }));
  const { stdout } = await run(binaries.promtool, ["check", "rules", "--lint-fatal", file]);
  expect(stdout).toContain(`SUCCESS: ${queries.length} rules found`);
});
