import { der, explicit, integer, octets, oid, sequence } from "../../src/render/der.js";

/**
 * A key and a certificate of a curve that their writer has chosen, in DER: OpenSSL takes a square root for its compressed points
 * as soon as it parses them, and modulo this prime, k·2^600 + 1, that is what it is slowest at.
 */
const prime = (2n ** 60n + 45n) * 2n ** 600n + 1n;
const fieldBytes = 83;
const element = (value: bigint) => Buffer.from(value.toString(16).padStart(2 * fieldBytes, "0"), "hex");
const point = Buffer.concat([Buffer.of(2), element(1n)]);

const curve = sequence(
  integer(1),
  sequence(oid("1.2.840.10045.1.1"), der(0x02, element(prime))),
  // y² = x³ + 3² − 1: at x = 1 the square of 3, which is no square itself.
  sequence(octets(element(0n)), octets(element(8n))),
  octets(point),
  der(0x02, element(prime - 2n)),
  integer(1),
);

const bits = (bytes: Buffer) => der(0x03, Buffer.of(0), bytes);

/** As SEC 1 has it. */
export const keyOfChosenCurve = sequence(integer(1), octets(element(5n)), explicit(curve));

const anyAlgorithm = sequence(oid("1.2.840.10045.4.3.2"));
const time = (text: string) => der(0x17, Buffer.from(text));

/** Signed by nobody. */
export const certificateOfChosenCurve = sequence(
  sequence(
    explicit(integer(2)),
    integer(1),
    anyAlgorithm,
    sequence(),
    sequence(time("260101000000Z"), time("460101000000Z")),
    sequence(),
    sequence(sequence(oid("1.2.840.10045.2.1"), curve), bits(point)),
  ),
  anyAlgorithm,
  bits(Buffer.of(0)),
);
