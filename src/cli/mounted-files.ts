import { createHash } from "node:crypto";
import type { MountOutcome } from "../driver/driver-client.js";
import { named } from "../shared/quoted.js";

type Mounted = Extract<MountOutcome, { ok: true }>;

/** A file of the volume, without its contents. */
export interface MountedFile {
  path: string;
  mode: number;
  bytes: number;
  version: string;
  /** Tells contents apart where a provider's versions do not. */
  digest: string;
}

/** The last of two files with one path, as the driver writes it. Sorted by path. */
export function mountedFiles({ files, versions }: Mounted): MountedFile[] {
  const byPath = new Map(
    files.map(({ path, mode, contents }) => {
      const digest = createHash("sha256").update(contents).digest("base64url");
      return [path, { path, mode, bytes: contents.length, version: versionOf(path, versions), digest }];
    }),
  );
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** An object is a file, or a directory of files: `db`, or as keymount has it `db/`, and `/` for the volume itself. */
function versionOf(path: string, versions: ReadonlyMap<string, string>): string {
  for (let id = path; id !== ""; id = id.slice(0, Math.max(0, id.lastIndexOf("/")))) {
    const version = versions.get(id) ?? versions.get(`${id}/`);
    if (version !== undefined) return version;
  }
  return versions.get("/") ?? "";
}

/** One line for each file, under a line of titles. */
export function fileTable(files: readonly MountedFile[]): string[] {
  const rows = [
    ["FILE", "MODE", "BYTES", "VERSION"],
    ...files.map(({ path, mode, bytes, version }) => [
      named(path),
      modeText(mode),
      String(bytes),
      shortVersion(version),
    ]),
  ];
  const width = (column: number) => Math.max(...rows.map((row) => row[column]!.length));
  const [path, mode, bytes] = [width(0), width(1), width(2)];
  return rows.map((row) => `${row[0]!.padEnd(path)}  ${row[1]!.padEnd(mode)}  ${row[2]!.padStart(bytes)}  ${row[3]}`);
}

/** As `ls` and `chmod` have it: `0644`. */
export function modeText(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

/** What became of a file: its version, and of a changed one the version before. */
export interface FileChange {
  event: "added" | "changed" | "removed";
  path: string;
  version?: string;
  from?: string;
}

/** What became of each file that is not as it was. */
export function fileChanges(before: readonly MountedFile[], after: readonly MountedFile[]): FileChange[] {
  const old = new Map(before.map((file) => [file.path, file]));
  const kept = new Set(after.map(({ path }) => path));
  const removed = before
    .filter(({ path }) => !kept.has(path))
    .map(({ path }): FileChange => ({ event: "removed", path }));
  const changed = after.flatMap((file): FileChange[] => {
    const was = old.get(file.path);
    const { path, version } = file;
    if (!was) return [{ event: "added", path, version }];
    if (was.version === file.version && was.digest === file.digest) return [];
    return [{ event: "changed", path, version, from: was.version }];
  });
  return [...changed, ...removed];
}

export function shortVersion(version: string): string {
  if (version === "") return "-";
  return version.length > 12 ? `${named(version.slice(0, 10))}…` : named(version);
}
