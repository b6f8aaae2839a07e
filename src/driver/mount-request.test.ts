import { expect, test } from "vitest";
import { mountRequest } from "./mount-request.js";

const pod = { namespace: "shop", name: "web-0", uid: "uid-1", serviceAccount: "web" };

test("says what a kubelet and the driver say, as Go writes it", () => {
  const tokens = {
    vault: { token: "t2", expirationTimestamp: "2026-01-01T00:00:00Z" },
    "": { token: "t1", expirationTimestamp: "2026-01-01T00:00:00Z" },
  };
  const request = mountRequest({
    pod,
    parameters: { roleName: "a<b>&c", objects: "- x" },
    tokens,
    volumeAttributes: { secretProviderClass: "web" },
  });
  expect(request).toEqual({
    attributes:
      '{"csi.storage.k8s.io/ephemeral":"true","csi.storage.k8s.io/pod.name":"web-0",' +
      '"csi.storage.k8s.io/pod.namespace":"shop","csi.storage.k8s.io/pod.uid":"uid-1",' +
      '"csi.storage.k8s.io/serviceAccount.name":"web","csi.storage.k8s.io/serviceAccount.tokens":' +
      '"{\\"\\":{\\"token\\":\\"t1\\",\\"expirationTimestamp\\":\\"2026-01-01T00:00:00Z\\"},' +
      '\\"vault\\":{\\"token\\":\\"t2\\",\\"expirationTimestamp\\":\\"2026-01-01T00:00:00Z\\"}}",' +
      '"objects":"- x","roleName":"a\\u003cb\\u003e\\u0026c","secretProviderClass":"web"}',
    secrets: "null",
    targetPath: "/var/lib/kubelet/pods/uid-1/volumes/kubernetes.io~csi/keymount/mount",
    permission: "420",
    currentObjectVersion: [],
  });
});

test("a pod's volume overrules its class, the kubelet overrules both", () => {
  const { attributes } = mountRequest({
    pod,
    parameters: { roleName: "class", objects: "class" },
    volumeAttributes: { roleName: "volume", "csi.storage.k8s.io/pod.name": "spoofed" },
  });
  expect(JSON.parse(attributes)).toMatchObject({
    roleName: "volume",
    objects: "class",
    "csi.storage.k8s.io/pod.name": "web-0",
  });
});

test("publish secrets travel beside the attributes", () => {
  expect(mountRequest({ pod, parameters: {}, secrets: { b: "2", a: "1" } }).secrets).toBe('{"a":"1","b":"2"}');
});
