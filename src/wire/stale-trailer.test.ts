import { Metadata } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { staleObjects, staleTrailer } from "./stale-trailer.js";

const one = { object: "db", code: "unavailable", message: "Vault is sealed \u2013 \u{1f512}" };

test("nothing stale needs no trailer", () => expect(staleTrailer([])).toBeUndefined());

test("what is stale arrives as it is", () => expect(staleObjects(staleTrailer([one])!)).toEqual([one]));

test("it fits into one frame of HTTP/2, whatever it tells", () => {
  const long = { object: "\u{1f512}".repeat(500), code: "deadline_exceeded", message: "\u0000".repeat(5_000) };
  const trailer = staleTrailer(Array.from({ length: 64 }, () => long))!;
  const [value] = trailer.get("keymount-stale-bin");
  expect(Buffer.from(value!).toString("base64").length).toBeLessThan(16_384);
  expect(staleObjects(trailer).length).toBeGreaterThan(0);
});

test.each<[string, string | undefined]>([
  ["none", undefined],
  ["no JSON", "{"],
  ["no list", '{"object": "a"}'],
  ["objects without their fields", '[1, null, {"object": "a", "code": 2, "message": "c"}]'],
])("a trailer with %s tells nothing", (_what, text) => {
  const metadata = new Metadata();
  if (text !== undefined) metadata.set("keymount-stale-bin", Buffer.from(text));
  expect(staleObjects(metadata)).toEqual([]);
});
