import { expect, test } from "vitest";
import type { ClassSpec, MountSpec } from "../mount/mount-spec.js";
import { captureLog } from "../../dev/testing/capture-log.js";
import { sampleConnection } from "../../dev/testing/connection.js";
import { ClassNotes } from "./class-notes.js";

function specOf(changes: Partial<ClassSpec>, parametersDigest = "d"): MountSpec {
  return {
    pod: { namespace: "shop", name: "web-0", uid: "0b2c", serviceAccount: "web" },
    class: { roleName: "web", onDenied: "keep", objects: [], overruled: [], unknown: [], ...changes },
    tokens: new Map(),
    targetPath: "/mnt",
    defaultMode: 0o644,
    parametersDigest,
  };
}

function notes() {
  const { log, lines, text } = captureLog();
  const classNotes = new ClassNotes(log);
  return { note: (spec: MountSpec) => classNotes.note(spec, sampleConnection()), lines, text };
}

test("a class is reported once, though it is read again", () => {
  const { note, lines } = notes();
  for (let reading = 0; reading < 3; reading += 1) note(specOf({ unknown: ["x is not a parameter"] }));
  note(specOf({ overruled: ["vaultCAPem"] }, "another"));
  note(specOf({}, "well"));
  expect(lines().map(({ names }) => names)).toEqual([["x is not a parameter"], ["vaultCAPem"]]);
});

test("a line is bounded for every class", () => {
  const { note, lines, text } = notes();
  note(specOf({ unknown: Array.from({ length: 3_000 }, (_, index) => `${index}`.padEnd(3_000, "x")) }));
  expect(lines()).toHaveLength(1);
  expect(lines()[0]!["names"]).toHaveLength(21);
  expect((lines()[0]!["names"] as string[]).at(-1)).toBe("and 2980 more");
  expect(text().length).toBeLessThan(6_000);
});
