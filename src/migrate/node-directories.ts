import { dirname, join, relative } from "node:path/posix";
import { usualSocketDirectory } from "../config/socket-name.js";
import { named } from "../shared/quoted.js";
import type { Installation, NodeDirectory } from "./installation.js";

/** openbao-helm's `csi.daemonSet.providersDir`. Drivers look there before the usual directory (driver 1.6.0 main.go). */
export const olderSocketDirectory = "/etc/kubernetes/secrets-store-csi-providers";

/** What a source provider has of the node, apart from the usual socket directory. */
export interface NodeParts {
  /** Whether it may leave a socket in the older directory. */
  usesOlderDirectory: boolean;
  notes: readonly string[];
}

type Found = Pick<Installation, "name" | "hostNetwork" | "nodeDirectories">;

export function nodePartsOf({ name, hostNetwork, nodeDirectories }: Found, socketPath: string): NodeParts {
  const has = `the DaemonSet ${named(name)} has`;
  const all = nodeDirectories.map((one) => placed(one, socketPath));
  return {
    usesOlderDirectory: all.some(({ path }) => path === olderSocketDirectory),
    notes: [
      ...(hostNetwork
        ? [
            `${has} hostNetwork: true, which does not follow: set hostNetwork where Vault admits the nodes' own addresses only`,
          ]
        : []),
      ...all.flatMap((one) => noteOn(one, has)),
    ],
  };
}

interface Placed extends NodeDirectory {
  holdsSocket: boolean;
}

/** With the directory of the socket itself, where a directory above that is mounted. */
function placed(directory: NodeDirectory, socketPath: string): Placed {
  const within = relative(directory.mountPath, dirname(socketPath));
  const holdsSocket = within.split("/")[0] !== "..";
  return { ...directory, ...(holdsSocket && { path: join(directory.path, within) }), holdsSocket };
}

function noteOn({ volume, path, mountPath, holdsSocket }: Placed, has: string): string[] {
  const field = `${has} hostPath ${named(path)} (volume ${named(volume)}`;
  if (path === olderSocketDirectory) {
    return [
      `${field}), where drivers look first, so a socket left there hides keymount's: set sockets.additionalDirectory to it, as --values does (without the chart: additionalSocketDir)`,
    ];
  }
  if (isUsual(path) || isKubelets(path, mountPath)) return [];
  return [
    holdsSocket
      ? `${field}) for its socket, which does not follow: set sockets.directory to it where it is the driver's --provider-volume, or sockets.additionalDirectory where it is one of --additional-provider-volume-paths`
      : `${field}, mounted at ${named(mountPath)}), which does not follow: where keymount needs a file of it, mount it there too (chart: extraVolumes, extraVolumeMounts)`,
  ];
}

/** /var/run is a link to /run on nodes with systemd. */
function isUsual(path: string): boolean {
  return path.replace(/^\/run\//, "/var/run/") === usualSocketDirectory;
}

/** `kubeletRootDir` of older charts, for providers that wrote the files themselves; mounted at its own path (vault-helm GH-628). */
function isKubelets(path: string, mountPath: string): boolean {
  return path === mountPath && path.endsWith("/pods");
}
