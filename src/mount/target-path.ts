import { ProviderError } from "../shared/errors.js";

/** One CSI volume of one pod. */
export interface PodVolume {
  podUid: string;
  volume: string;
}

/**
 * The pod volume a target path is (`…/pods/<uid>/volumes/kubernetes.io~csi/<volume>/mount`, as the kubelet lays them
 * out), or `undefined` for any other path, such as the sync controller's. Throws `permission_denied` for another pod's
 * volume, `invalid_request` for a path that climbs. Never touched on disk.
 */
export function podVolumeOf(targetPath: string, podUid: string): PodVolume | undefined {
  if (
    !targetPath.startsWith("/") ||
    targetPath.length > 4096 ||
    /\p{Cc}/u.test(targetPath) ||
    /(^|\/)\.{0,2}(\/|$)/.test(targetPath.slice(1))
  ) {
    throw new ProviderError("invalid_request", "the target path is not a clean absolute path");
  }
  const [, uid, volume] = /\/pods\/([^/]+)\/volumes\/kubernetes\.io~csi\/([^/]+)\/mount$/.exec(targetPath) ?? [];
  if (uid === undefined || volume === undefined) return undefined;
  if (uid === podUid) return { podUid: uid, volume };
  throw new ProviderError(
    "permission_denied",
    "the target path is a volume of another pod than the one the driver names",
  );
}
