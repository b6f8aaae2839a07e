import { describe, expect, test } from "vitest";
import { driverVersions } from "../stack/csi-driver.js";
import { createFixture } from "../stack/fixture.js";

describe.each(driverVersions)("driver %s", async (driver) => {
  const { node, app, signal } = await createFixture("files", { driver });
  const secretPath = `secret/data/${app.namespace}/db`;
  await app.vault.writeSecret(`${app.namespace}/db`, { password: "hunter2" });
  const object = (objectName: string, fields: object = {}) => ({
    objectName,
    secretPath,
    secretKey: "password",
    ...fields,
  });

  test("files lie where their names say, in folders made for them", async () => {
    const names = ["db/primary/password", "db/replica/password", ".env", "a file with spaces", "ключ"];
    const volume = await app.volume(node, { objects: names.map((name) => object(name)) });

    await volume.publish(signal);

    expect(await volume.texts()).toEqual(Object.fromEntries(names.map((name) => [name, "hunter2"])));
  });

  test("modes are what the class wrote, octal and decimal alike, and 0644 where it wrote none", async () => {
    const volume = await app.volume(node, {
      objects: [
        "- {objectName: default, secretKey: password, secretPath: PATH}",
        "- {objectName: private, secretKey: password, secretPath: PATH, filePermission: 0600}",
        "- {objectName: modern, secretKey: password, secretPath: PATH, filePermission: 0o440}",
        "- {objectName: decimal, secretKey: password, secretPath: PATH, filePermission: 256}",
      ]
        .join("\n")
        .replaceAll("PATH", secretPath),
    });

    await volume.publish(signal);

    expect(await volume.modes()).toEqual({ default: "644", private: "600", modern: "440", decimal: "400" });
  });

  test.each([
    ["a name that means the volume itself", "."],
    ["a name that leaves the volume", "../outside"],
    ["an absolute name", "/etc/passwd"],
  ])("refuses %s, naming it", async (_what, name) => {
    const volume = await app.volume(node, { objects: [object("good"), object(name)] });

    await expect(volume.publish(signal)).rejects.toThrow(/objectName/);
    expect(await volume.texts()).toEqual({});
  });

  test("refuses a mode with more than permission bits, naming the field", async () => {
    const volume = await app.volume(node, { objects: [object("setuid", { filePermission: 0o4755 })] });

    await expect(volume.publish(signal)).rejects.toThrow(/filePermission/);
    expect(await volume.texts()).toEqual({});
  });
});
