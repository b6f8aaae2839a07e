import { fileURLToPath } from "node:url";
import { loadSync, type MessageTypeDefinition } from "@grpc/proto-loader";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as wire from "./provider.js";

const definition = loadSync(fileURLToPath(new URL("../../proto/provider.proto", import.meta.url)), {
  defaults: true,
  enums: String,
});

interface Descriptor {
  field: { name: string; number: number; label: string; type: string; typeName: string }[];
}

const dynamicType = (name: string) => definition[`v1alpha1.${name}`] as MessageTypeDefinition<object, object>;
const descriptorOf = (name: string) => dynamicType(name).type as Descriptor;

const text = fc.string({ unit: "binary" }).map((value) => value.toWellFormed());
const objectVersion = fc.record({ id: text, version: text });
const file = fc.record({
  path: text,
  mode: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  contents: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});
const error = fc.record({ code: text });

/** Each message: its static code, and any value of it. */
const messages: Record<string, [wire.MessageFns<never>, fc.Arbitrary<object>]> = {
  VersionRequest: [wire.VersionRequest as wire.MessageFns<never>, fc.record({ version: text })],
  VersionResponse: [
    wire.VersionResponse as wire.MessageFns<never>,
    fc.record({ version: text, runtimeName: text, runtimeVersion: text }),
  ],
  MountRequest: [
    wire.MountRequest as wire.MessageFns<never>,
    fc.record({
      attributes: text,
      secrets: text,
      targetPath: text,
      permission: text,
      currentObjectVersion: fc.array(objectVersion, { maxLength: 5 }),
    }),
  ],
  MountResponse: [
    wire.MountResponse as wire.MessageFns<never>,
    fc.record({
      objectVersion: fc.array(objectVersion, { maxLength: 5 }),
      error: fc.option(error, { nil: undefined }),
      files: fc.array(file, { maxLength: 5 }),
    }),
  ],
  File: [wire.File as wire.MessageFns<never>, file],
  ObjectVersion: [wire.ObjectVersion as wire.MessageFns<never>, objectVersion],
  Error: [wire.Error as wire.MessageFns<never>, error],
};

function isSet(field: unknown): boolean {
  return field instanceof Uint8Array || Array.isArray(field) ? field.length > 0 : Boolean(field);
}

/** Proto3 leaves defaults unwritten; the dynamic code writes every property that is set. */
function withoutDefaults(value: object): object {
  const kept = Object.entries(value as Record<string, unknown>).filter(([, field]) => isSet(field));
  const inner = (field: unknown): unknown =>
    Array.isArray(field)
      ? field.map(inner)
      : typeof field === "object" && field !== null && !Buffer.isBuffer(field)
        ? withoutDefaults(field)
        : field;
  return Object.fromEntries(kept.map(([name, field]) => [name, inner(field)]));
}

test("every message of the driver's proto is known", () => {
  const declared = Object.entries(definition)
    .filter(([, type]) => "type" in type)
    .map(([name]) => name.replace("v1alpha1.", ""));
  expect(declared.sort()).toEqual(Object.keys(messages).sort());
});

describe.each(Object.entries(messages))("%s", (name, [code, values]) => {
  const { serialize, deserialize } = dynamicType(name);

  test("is written, byte for byte, as the driver's proto says, and read back the same", () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = Buffer.from(code.encode(value as never).finish());
        expect(bytes.equals(serialize(withoutDefaults(value)))).toBe(true);
        expect(code.decode(bytes)).toEqual(value);
        expect(Buffer.from(serialize(withoutDefaults(deserialize(bytes)))).equals(bytes)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("reads and writes each field under its number", () => {
    for (const { number, name: field, type, label } of descriptorOf(name).field) {
      const camel = field.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
      const one =
        type === "TYPE_MESSAGE" ? {} : type === "TYPE_INT32" ? 7 : type === "TYPE_BYTES" ? Buffer.from("b") : "s";
      const value = { [camel]: label === "LABEL_REPEATED" ? [one] : one };
      const bytes = serialize(value);
      expect(bytes[0]! >> 3, `${name}.${field}`).toBe(number);
      expect(code.decode(bytes), `${name}.${field}`).toHaveProperty(camel);
      expect(Buffer.from(code.encode(code.decode(bytes)).finish()).equals(bytes), `${name}.${field}`).toBe(true);
    }
  });

  test("passes over fields of a later version", () => {
    const later = Buffer.concat([Buffer.from([0xa2, 0x06, 0x01, 0x78]), Buffer.alloc(0)]);
    expect(code.decode(later)).toEqual(code.decode(Buffer.alloc(0)));
  });
});

test("the service has the paths the driver calls", () => {
  expect(Object.values(wire.CSIDriverProviderService).map(({ path }) => path)).toEqual([
    "/v1alpha1.CSIDriverProvider/Version",
    "/v1alpha1.CSIDriverProvider/Mount",
  ]);
});
