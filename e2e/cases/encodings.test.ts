import { describe, expect, test } from "vitest";
import { driverVersions } from "../stack/csi-driver.js";
import { createFixture } from "../stack/fixture.js";

describe.each(driverVersions)("driver %s", async (driver) => {
  const { node, app, signal } = await createFixture("encodings", { driver });
  const bytes = Buffer.from([0, 1, 0x7f, 0x80, 0xff, 0xfe]);
  await app.vault.writeSecret(`${app.namespace}/binary`, {
    base64: bytes.toString("base64"),
    hex: bytes.toString("hex"),
    text: "grüße\n",
  });
  const object = (secretKey: string, encoding: string) => ({
    objectName: `${secretKey}-as-${encoding}`,
    secretPath: `secret/data/${app.namespace}/binary`,
    secretKey,
    encoding,
  });

  test("base64 and hex become the bytes they stand for; utf-8 stays as it is", async () => {
    const volume = await app.volume(node, {
      objects: [object("base64", "base64"), object("hex", "HEX"), object("text", "utf-8")],
    });

    await volume.publish(signal);

    expect(await volume.bytes("base64-as-base64")).toEqual(bytes);
    expect(await volume.bytes("hex-as-HEX")).toEqual(bytes);
    expect(await volume.texts()).toHaveProperty("text-as-utf-8", "grüße\n");
  });

  test("a value that is not in its encoding is refused by name, without showing it", async () => {
    const volume = await app.volume(node, { objects: [object("text", "base64"), object("text", "hex")] });

    const refusal = await volume.publish(signal).catch(String);
    expect(refusal).toMatch(/text-as-base64.*text-as-hex/s);
    expect(refusal).not.toContain("grüße");
  });
});
