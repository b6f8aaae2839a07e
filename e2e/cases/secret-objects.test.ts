import { describe, expect, test } from "vitest";
import { driverVersions } from "../stack/csi-driver.js";
import { eventually } from "../stack/eventually.js";
import type { KubeObject } from "../stack/kube-api.js";
import { createFixture } from "../stack/fixture.js";

interface SecretObject extends KubeObject {
  type: string;
  data: Record<string, string>;
}

describe.each(driverVersions)("driver %s", async (driver) => {
  const { node, app, signal } = await createFixture("sync", { driver, rotationPollInterval: "1s" });
  const secret = (name: string) =>
    app.kube.get<SecretObject>({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: app.namespace } });
  const decoded = ({ data }: SecretObject) =>
    Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));

  test("files become an Opaque Secret, nested paths too, which follows a change", async () => {
    await app.vault.writeSecret(`${app.namespace}/db`, { password: "1", username: "app" });
    const object = { secretPath: `secret/data/${app.namespace}/db`, refreshInterval: "1s" };
    const data = [
      { objectName: "db/username", key: "user" },
      { objectName: "password", key: "password" },
    ];
    const volume = await app.volume(
      node,
      {
        objects: [
          { ...object, objectName: "db/username", secretKey: "username" },
          { ...object, objectName: "password", secretKey: "password" },
        ],
      },
      { secretObjects: [{ secretName: "db", type: "Opaque", data }] },
    );

    await volume.publish(signal);
    const created = await eventually(() => secret("db"), signal);
    expect(created.type).toBe("Opaque");
    expect(decoded(created)).toEqual({ user: "app", password: "1" });

    await app.vault.writeSecret(`${app.namespace}/db`, { password: "2", username: "app" });
    await eventually(async () => {
      await volume.publish(signal);
      expect(decoded(await secret("db"))).toEqual({ user: "app", password: "2" });
    }, signal);
  });

  // Driver 1.5.6 compares the Secret with the files at each poll (rotation/reconciler.go); 1.6.0 looks at it when a version
  // changes, and otherwise five minutes after it did (secretproviderclasspodstatus_controller.go, Reconcile).
  test("rolloutOnChange: false: files change and the status does not; the Secret follows at once with 1.5.6, with another version in 1.6.0", async () => {
    const write = (name: string, value: string) => app.vault.writeSecret(`${app.namespace}/${name}`, { value });
    for (const name of ["steady", "followed"]) await write(name, "1");
    const objects = ["steady", "followed"].map((objectName) => ({
      objectName,
      secretPath: `secret/data/${app.namespace}/${objectName}`,
      secretKey: "value",
      refreshInterval: "1s",
      rolloutOnChange: objectName === "followed",
    }));
    const data = objects.map(({ objectName }) => ({ objectName, key: objectName }));
    const volume = await app.volume(
      node,
      { objects },
      { secretObjects: [{ secretName: "both", type: "Opaque", data }] },
    );
    const become = (read: () => Promise<unknown>, values: object) =>
      eventually(async () => {
        await volume.publish(signal);
        expect(await read()).toEqual(values);
      }, signal);
    const synced = async () => decoded(await secret("both"));
    const stored = () => app.kube.get(volume.kubelet.podStatus(volume.pod, volume.name));
    await become(synced, { steady: "1", followed: "1" });
    const [versions, status] = [await volume.versions(), await stored()];

    await write("steady", "2");
    await become(() => volume.texts(), { steady: "2", followed: "1" });
    if (driver === "1.5.6") await become(synced, { steady: "2", followed: "1" });
    else for (let republish = 0; republish < 3; republish += 1) await volume.publish(signal);
    expect(await synced()).toEqual({ steady: driver === "1.5.6" ? "2" : "1", followed: "1" });
    expect(await stored(), "nothing was written, so watchers see nothing").toEqual(status);

    await write("followed", "2");
    await become(synced, { steady: "2", followed: "2" });
    const { steady, followed } = await volume.versions();
    expect(steady).toBe(versions["steady"]);
    expect(followed).not.toBe(versions["followed"]);
  });

  test("a certificate and its key become a kubernetes.io/tls Secret", async () => {
    const mount = `pki-${app.namespace}`;
    await app.vault.request("POST", `sys/mounts/${mount}`, { type: "pki" });
    const ca = { common_name: "e2e", issuer_name: "root" };
    await app.vault.request("POST", `${mount}/root/generate/internal`, ca);
    const role = { allow_any_name: true, key_type: "ec", key_bits: 256 };
    await app.vault.request("POST", `${mount}/roles/web`, role);
    const leaf = await app.vault.request("POST", `${mount}/issue/web`, { common_name: "web.example", ttl: "1h" });
    const { certificate, private_key: key } = leaf.data as { certificate: string; private_key: string };
    await app.vault.writeSecret(`${app.namespace}/tls`, { pem: `${key}\n${certificate}\n` });
    const volume = await app.volume(
      node,
      { objects: [{ objectName: "tls.pem", secretPath: `secret/data/${app.namespace}/tls`, secretKey: "pem" }] },
      {
        secretObjects: [
          {
            secretName: "web-tls",
            type: "kubernetes.io/tls",
            data: ["tls.key", "tls.crt"].map((key) => ({ objectName: "tls.pem", key })),
          },
        ],
      },
    );

    await volume.publish(signal);
    const created = await eventually(() => secret("web-tls"), signal);

    expect(created.type).toBe("kubernetes.io/tls");
    expect(decoded(created)["tls.crt"]?.trim()).toBe(certificate.trim());
    expect(decoded(created)["tls.key"]).toMatch(/PRIVATE KEY/);
  });
});
