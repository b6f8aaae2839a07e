import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { makeIdentity } from "../../dev/testing/certificates.js";
import { certificateOfChosenCurve } from "../../dev/testing/chosen-curve.js";
import { threadCpuMs } from "../../dev/testing/thread-cpu.js";
import { readCertificate, readCertificateText } from "./foreign-certificate.js";

const { cert } = makeIdentity({ commonName: "app" });
const der = new X509Certificate(cert).raw;

test("a certificate in DER is read", () => {
  expect(readCertificate(der)?.subject).toBe("CN=app");
});

test.each<[string, Buffer]>([
  ["has explicit curve parameters", Buffer.concat([der, Buffer.from("2a8648ce3d0101", "hex")])],
  ["has PEM in it", Buffer.from(cert)],
  ["has PEM behind something else", Buffer.concat([Buffer.from("0\n"), Buffer.from(cert)])],
  ["is longer than any", Buffer.concat([der, Buffer.alloc(32 << 10)])],
  ["is none", Buffer.from("hello")],
])("what %s is not", (_what, bytes) => {
  expect(readCertificate(bytes)).toBeUndefined();
});

/** OpenSSL takes a third of a second for it. */
test("a certificate of a curve that its writer has chosen is not read: it costs no more than its bytes", () => {
  const before = threadCpuMs();
  expect(readCertificate(certificateOfChosenCurve)).toBeUndefined();
  expect(readCertificateText(certificateOfChosenCurve.toString("base64"))).toBeUndefined();
  expect(threadCpuMs() - before).toBeLessThan(100);
});

test.each([
  ["PEM", cert],
  ["PEM of Windows, behind other text", `Bag Attributes\r\n${cert.replaceAll("\n", "\r\n")}`],
  ["DER in base64", der.toString("base64")],
])("the certificate of a text in %s is read", (_form, text) => {
  expect(readCertificateText(text)?.subject).toBe("CN=app");
});
