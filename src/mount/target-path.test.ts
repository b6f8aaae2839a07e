import { expect, test } from "vitest";
import { podVolumeOf } from "./target-path.js";

const rest = "volumes/kubernetes.io~csi/secrets/mount";

test.each(["/var/lib/kubelet", "/var/lib/k0s/kubelet", ""])("knows a pod's volume below %j", (root) => {
  expect(podVolumeOf(`${root}/pods/uid-1/${rest}`, "uid-1")).toEqual({ podUid: "uid-1", volume: "secrets" });
});

test.each(["/mnt/secrets-store", "/pods/uid-1/volumes/kubernetes.io~empty-dir/x/mount", `/pods/uid-1/${rest}/more`])(
  "takes %s for no pod's volume",
  (path) => {
    expect(podVolumeOf(path, "uid-1")).toBeUndefined();
  },
);

test("refuses another pod's volume", () => {
  expect(() => podVolumeOf(`/var/lib/kubelet/pods/uid-2/${rest}`, "uid-1")).toThrow(
    expect.objectContaining({ code: "permission_denied" }) as Error,
  );
});

test.each([
  `/var/lib/kubelet/pods/uid-1/../uid-2/${rest}`,
  `/var/lib/kubelet/pods/uid-2/../uid-1/${rest}`,
  `/var/lib/kubelet/pods/./uid-1/${rest}`,
  `/var/lib/kubelet/pods//uid-1/${rest}`,
  `/pods/../${rest}`,
  "/mnt/..",
  "/a\nb",
  "relative/path",
  "/",
  "",
  `/${"x".repeat(5_000)}`,
])("refuses the unclean %j", (path) => {
  expect(() => podVolumeOf(path, "uid-1")).toThrow(expect.objectContaining({ code: "invalid_request" }) as Error);
});
