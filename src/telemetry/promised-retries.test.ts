import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { errorTextsInRooms } from "../../dev/testing/error-texts.js";
import { sourceFiles } from "../../dev/testing/source-files.js";
import type { ErrorCode } from "../shared/errors.js";
import { codeOfKind } from "../vault/vault-error.js";

const promise = /tries again|tried again|retried|asked again|try again/;

const errors = errorTextsInRooms()
  .filter(({ text }) => promise.test(text))
  .map((error) => ({ ...error, code: codeOf(error.kind) }));

function codeOf(kind = ""): string {
  return Object.hasOwn(codeOfKind, kind) ? codeOfKind[kind as keyof typeof codeOfKind] : kind;
}

/** What another try can mend: Vault, this node or the moment was the reason, not what was asked. */
const mendable: readonly string[] = ["unavailable", "limit_exceeded", "deadline_exceeded"] satisfies ErrorCode[];

/**
 * An error is the end of a Mount; none is tried again by itself. So it says who tries again (the kubelet, the next Mount), or
 * tells the person to.
 */
test.each(errors.map(({ text, file, code }) => [text, file, code]))(
  "an error says who tries again, and means it: %s (%s)",
  (text, _file, code) => {
    expect(text).toMatch(
      /the kubelet tries again|the next Mount tries again|; try again$|^…; it is asked again in … s$/,
    );
    if (text.startsWith("…"))
      expect(code).toBe(""); // The code of the failure before, which `cooldown.ts` repeats.
    else expect(mendable).toContain(code);
  },
);

/** Other texts that promise another try, each with the test that shows it. */
const others = {
  "cli/command-table.ts": "of the JSON of revoke-all, as cli/revoke-all.ts",
  "cli/revoke-all.ts": "vault/token-store.test.ts: revoking everything counts as tried again what is",
  "config/settings.ts": "of Mounts, which the kubelet repeats",
  "daemon/event-reports.ts": "leases/renewal-loop.test.ts: a renewal is said to come later exactly where it does",
  "daemon/wait-for-key.ts":
    "daemon/wait-for-key.test.ts: while the API server is away, keymount lives and is not ready; it goes on when the key is there",
  "notify/with-retries.ts": "notify/reload-request.test.ts: %i failures: tried again ever later, and not for ever",
  "telemetry/metrics.ts": "as daemon/event-reports.ts",
};

test.each(Object.values(others).filter((why) => why.includes(".test.ts: ")))("there is %s", (why) => {
  const [file, title] = why.split(": ") as [string, string];
  expect(readFileSync(new URL(`../${file}`, import.meta.url), "utf8")).toContain(`"${title}`);
});

test("every text that promises another try is known here", () => {
  const files = sourceFiles()
    .filter(({ text }) => literalsOf(text).some((literal) => promise.test(literal)))
    .map(({ file }) => file);
  const known = [...errors.map(({ file }) => file), ...Object.keys(others)];
  expect([...new Set(files)].sort()).toEqual([...new Set(known)].sort());
});

/** The texts on the lines of code, without comments. */
function literalsOf(code: string): string[] {
  return code
    .split("\n")
    .filter((line) => !/^\s*(\*|\/\*|\/\/)/.test(line))
    .flatMap((line) => line.replace(/ \/\/ .*$/, "").match(/"[^"]*"|`[^`]*`/g) ?? []);
}
