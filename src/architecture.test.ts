import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const src = dirname(fileURLToPath(import.meta.url));

/**
 * Which rooms each room may import. Read it as the map of the house. Only tests import `dev/`: what tests share, and the
 * embedded Vault, which is not shipped with the provider.
 */
const doors: Record<string, readonly string[]> = {
  shared: [],
  wire: [],
  "vault/auth": ["shared"],
  config: ["vault/auth", "shared"],
  mount: ["config", "shared"],
  telemetry: ["shared"],
  vault: ["vault/auth", "mount", "config", "telemetry", "shared"],
  leases: ["mount", "config", "vault", "telemetry", "shared"],
  state: ["shared"],
  kube: ["mount", "config", "telemetry", "shared"],
  rpc: ["mount", "wire", "telemetry", "shared"],
  http: ["telemetry", "shared"],
  render: ["mount", "shared"],
  driver: ["wire", "shared"],
  notify: ["shared"],
  migrate: ["config", "mount", "shared"],
  doctor: ["config", "mount", "render", "vault", "vault/auth", "kube", "driver", "shared"],
  daemon: [
    "config",
    "mount",
    "vault",
    "leases",
    "state",
    "kube",
    "rpc",
    "http",
    "render",
    "wire",
    "telemetry",
    "shared",
  ],
  cli: ["daemon", "doctor", "render", "migrate", "config", "mount", "driver", "notify", "telemetry", "shared"],
  main: ["cli"],
};

/** Rooms a package is at home in; an import elsewhere is a question to ask. */
const homes: Record<string, readonly string[]> = {
  "@grpc/grpc-js": ["rpc", "driver", "wire"],
  "@bufbuild/protobuf": ["wire"],
  "node-vault": ["vault"],
  pino: ["telemetry"],
  "prom-client": ["telemetry"],
  zod: ["config", "mount", "vault", "leases", "kube", "migrate"],
  yaml: ["config", "mount", "migrate", "cli"],
  "lossless-json": ["vault", "mount", "shared"],
  liquidjs: ["render"],
};

interface SourceFile {
  path: string;
  room: string;
  /** Rooms of ours it imports, its own left out. */
  rooms: readonly string[];
  packages: readonly string[];
}

const sourceFiles: SourceFile[] = filesIn(src).map((path) => {
  const imports = importsOf(join(src, path));
  const room = roomOf(path);
  return {
    path,
    room,
    rooms: imports
      .filter((name) => name.startsWith("."))
      .map((name) => roomOf(relative(src, resolve(src, dirname(path), name))))
      .filter((other) => other !== room),
    packages: imports
      .filter((name) => !name.startsWith(".") && !name.startsWith("node:"))
      .map((name) => name.split("/", name.startsWith("@") ? 2 : 1).join("/")),
  };
});

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
}

function importsOf(file: string): string[] {
  const imports = readFileSync(file, "utf8").matchAll(
    /(?:^(?:import|export|\})[^"\n]*\bfrom |^import |\bimport\()"([^"]+)"/gm,
  );
  return [...imports].map(([, name]) => name!).filter((name) => !name.endsWith(".json"));
}

/** The auth methods are a room within `vault`: pure, and so open to `config`, which names them. */
function roomOf(path: string): string {
  if (path.startsWith("vault/auth/")) return "vault/auth";
  return path.includes("/") ? path.split("/")[0]! : path.replace(/\.[jt]s$/, "");
}

const isTest = ({ path }: SourceFile) => path.endsWith(".test.ts");

test.each(sourceFiles.filter((file) => !isTest(file)))("$path stays within its doors", ({ room, rooms, packages }) => {
  expect(Object.keys(doors), `${room} is not on the map`).toContain(room);
  for (const other of rooms) expect(doors[room], `${room} may not import ${other}`).toContain(other);
  for (const name of packages) {
    expect(homes[name], `${name} has no home: add it to the map with a reason`).toBeDefined();
    expect(homes[name], `${name} is not at home in ${room}`).toContain(room);
  }
});

test.each(filesIn(join(src, "..", "dev", "vault")))(
  "dev/vault/%s knows nothing of the provider but what is shared",
  (file) => {
    const outside = importsOf(join(src, "..", "dev", "vault", file)).filter((name) => name.startsWith(".."));
    expect(outside.filter((name) => !/^\.\.\/(\.\.\/src\/shared|testing)\//.test(name))).toEqual([]);
  },
);

test("no door leads round in a circle", () => {
  const visit = (room: string, path: readonly string[]): void => {
    expect(path, `${[...path, room].join(" → ")}`).not.toContain(room);
    for (const next of doors[room] ?? []) visit(next, [...path, room]);
  };
  for (const room of Object.keys(doors)) visit(room, []);
});
