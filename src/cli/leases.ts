import { named } from "../shared/quoted.js";
import type { CredentialInfo } from "../shared/credential-info.js";
import { commandTable } from "./command-table.js";
import { defineCommand } from "./define-command.js";
import { wantsJson, writeJson } from "./json-output.js";
import { leasesTable } from "./leases-table.js";
import { askAdminServer, stateDirectoryOf } from "./admin-client.js";

export const leasesCommand = defineCommand("leases", commandTable.leases, async ({ values }, io, signal) => {
  const directory = await stateDirectoryOf({ stateDir: values["state-dir"], config: values.config }, io);
  const held = (await askAdminServer(directory, { method: "GET", path: "/v1/leases" }, signal)) as CredentialInfo[];
  const wanted = held.filter((one) => concerns(one, values));
  if (wantsJson(values)) writeJson(io, { credentials: wanted.map(withTimes) });
  else if (wanted.length > 0) io.stdout.write(leasesTable(wanted, Date.now()));
  else io.stderr.write(`No credentials ${ofWhom(values)}.\n`);
  return 0;
});

/** Times as RFC 3339 has them. */
function withTimes({ renewAt, replaceAt, endsAt, failures, ...rest }: CredentialInfo) {
  return { ...rest, ...timesOf({ renewAt, replaceAt, endsAt }), failures };
}

function timesOf(times: Readonly<Record<string, number | undefined>>): Record<string, string> {
  const known = Object.entries(times).flatMap(([name, ms]) => (ms === undefined ? [] : [[name, ms] as const]));
  return Object.fromEntries(known.map(([name, ms]) => [name, new Date(ms).toISOString()]));
}

function ofWhom({ namespace, pod }: { namespace?: string | undefined; pod?: string | undefined }): string {
  if (pod !== undefined)
    return `of the pod ${named(namespace === undefined ? pod : `${namespace}/${pod}`)} on this node`;
  return namespace === undefined ? "on this node" : `of the namespace ${named(namespace)} on this node`;
}

function concerns(
  { namespace: of, pods }: CredentialInfo,
  { namespace, pod }: { namespace?: string | undefined; pod?: string | undefined },
): boolean {
  if (namespace !== undefined && of !== namespace) return false;
  return pod === undefined || pods.some(({ name }) => name === pod);
}
