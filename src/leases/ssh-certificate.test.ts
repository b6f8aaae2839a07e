import { describe, expect, test } from "vitest";
import { sshValidity } from "./ssh-certificate.js";

const validAfter = 1_767_225_600n; // 2026-01-01T00:00:00Z
const validBefore = validAfter + 3_600n;
const forEver = 2n ** 64n - 1n;

/** A string as SSH writes it: its length, and its bytes. */
function field(bytes: number | string): Buffer {
  const content = typeof bytes === "string" ? Buffer.from(bytes) : Buffer.alloc(bytes, 7);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** As PROTOCOL.certkeys and PROTOCOL.u2f define it: the key's fields are given by their lengths, or contents. */
function certificate(type: string, key: readonly (number | string)[], [after, before] = [validAfter, validBefore]) {
  return Buffer.concat([
    ...[type, 32, ...key].map(field),
    uint64(2n ** 64n - 5n), // Serial number.
    Buffer.from([0, 0, 0, 1]), // Of a user.
    field("vault-token-x"),
    field(11), // Principals.
    uint64(after),
    uint64(before),
    ...[0, 20, 0, 51, 83].map(field), // Critical options, extensions, reserved, the CA's key, its signature.
  ]);
}

const line = (bytes: Buffer, comment = "") => `ssh-x ${bytes.toString("base64")}${comment}\n`;

test("a certificate of ssh-keygen 9.2, of an hour", () => {
  const ofSshKeygen =
    "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIIzxgCKJlw1+vz4ZbibgsOibfhL6XhtobT6zPcdrv0yyAAAAICeqhyBMKt29ftpLKCbS4ZxHO1aJOIaRRd28+IZvz0D/AAAAAAAAAAAAAAABAAAAAXgAAAAHAAAAA2FwcAAAAABpVbkAAAAAAGlVxxAAAAAAAAAAggAAABVwZXJtaXQtWDExLWZvcndhcmRpbmcAAAAAAAAAF3Blcm1pdC1hZ2VudC1mb3J3YXJkaW5nAAAAAAAAABZwZXJtaXQtcG9ydC1mb3J3YXJkaW5nAAAAAAAAAApwZXJtaXQtcHR5AAAAAAAAAA5wZXJtaXQtdXNlci1yYwAAAAAAAAAAAAAAMwAAAAtzc2gtZWQyNTUxOQAAACDNfgy2gNXf2oJ1nMNGBYKeQ8nil55BdV67Z+AReqYsWAAAAFMAAAALc3NoLWVkMjU1MTkAAABAhYgbchOG6WY7yZvX8JSdWE8NxBvUgfsmEtW5WnHCw7NQMgKsXmgt3eTVKVfC/Rm+D9J+0+e3+RFHzAnAU2VzAw== app@shop";
  expect(sshValidity(ofSshKeygen)).toEqual({ validAfter, validBefore });
});

describe.each([
  ["ssh-rsa-cert-v01@openssh.com", [3, 385]],
  ["rsa-sha2-256-cert-v01@openssh.com", [3, 257]],
  ["rsa-sha2-512-cert-v01@openssh.com", [3, 513]],
  ["ssh-dss-cert-v01@openssh.com", [129, 21, 128, 128]],
  ["ecdsa-sha2-nistp256-cert-v01@openssh.com", ["nistp256", 65]],
  ["ecdsa-sha2-nistp384-cert-v01@openssh.com", ["nistp384", 97]],
  ["ecdsa-sha2-nistp521-cert-v01@openssh.com", ["nistp521", 133]],
  ["ssh-ed25519-cert-v01@openssh.com", [32]],
  ["sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", ["nistp256", 65, "ssh:"]],
  ["sk-ssh-ed25519-cert-v01@openssh.com", [32, "ssh:"]],
] satisfies [string, (number | string)[]][])("%s", (type, key) => {
  const whole = certificate(type, key);

  test("tells its validity, with and without a comment", () => {
    for (const comment of ["", " app@shop"]) {
      expect(sshValidity(line(whole, comment))).toEqual({ validAfter, validBefore });
    }
    expect(sshValidity(line(certificate(type, key, [0n, forEver])))).toEqual({ validAfter: 0n, validBefore: forEver });
  });

  test("cut short anywhere before its validity, tells nothing", () => {
    const needed = whole.length - [0, 20, 0, 51, 83].reduce((sum, bytes) => sum + 4 + bytes, 0);
    for (let length = 0; length < needed; length += 1) {
      expect(sshValidity(line(whole.subarray(0, length)))).toBeUndefined();
    }
    expect(sshValidity(line(whole.subarray(0, needed)))).toBeDefined();
  });

  test("with a length that leads out of it, tells nothing", () => {
    for (const at of [0, 4 + type.length, 4 + type.length + 36]) {
      const hostile = Buffer.from(whole);
      hostile.writeUInt32BE(0xffff_ffff, at);
      expect(sshValidity(line(hostile))).toBeUndefined();
    }
  });
});

test.each([
  ["no text", ""],
  ["one word", "ssh-ed25519-cert-v01@openssh.com"],
  ["a public key", line(Buffer.concat([field("ssh-ed25519"), field(32)]))],
  ["a type that is not known", line(certificate("ssh-new-cert-v01@openssh.com", [32]))],
  ["a name of every object", line(certificate("constructor-cert-v01@openssh.com", [32]))],
  ["what is not base64", "ssh-ed25519-cert-v01@openssh.com ????"],
  ["a text of a megabyte", line(Buffer.alloc(1 << 20))],
  ["a million blanks", " ".repeat(1 << 20)],
])("%s is no certificate", (_what, text) => {
  expect(sshValidity(text)).toBeUndefined();
});
