import fc from "fast-check";
import { ClassCache } from "../src/mount/class-cache.js";
import type { WireMountRequest } from "../src/mount/mount-request.js";
import { systemClock } from "../src/shared/clock.js";
import { sampleConnection } from "../dev/testing/connection.js";
import { parseMountRequest } from "../dev/testing/parse-mount-request.js";
import { canaries, withoutArguments } from "./canaries.js";
import { damagedText } from "./mutations.js";
import { HeldSecrets } from "./held-secrets.js";
import { MountRoom, type Outcome, expectEqual } from "./mounting.js";
import { oddText, parameterNames, wellKnownObjects } from "./parameters.js";
import { podAttributes, podVolume, tokens, tokensKey } from "./service-account-token.js";
import type { Target } from "./target.js";

const manyUnknown = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`${index}`.padEnd(64, "q"), ""]));

export const wellKnown: Record<string, string> = {
  ...podAttributes,
  secretProviderClass: "app",
  roleName: "web",
  objects: wellKnownObjects[0],
  [tokensKey]: tokens,
};

const withOddities = fc
  .tuple(
    fc.constantFrom(...wellKnownObjects),
    fc.array(fc.tuple(fc.constantFrom(...parameterNames), oddText), { maxLength: 4 }),
  )
  .map(([objects, odd]) => [...Object.entries({ ...wellKnown, objects }), ...odd])
  .map((members) => `{${members.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`);

const nodePublishSecrets = JSON.stringify({ password: canaries.mountSecret.value, [tokensKey]: tokens });

/** What the driver sends, whole: its JSON, and the three strings beside it. */
export const attributesTarget: Target<WireMountRequest> = {
  name: "attributes",
  cases: fc.record({
    attributes: fc.oneof(
      { weight: 2, arbitrary: withOddities },
      { weight: 4, arbitrary: damagedText(withOddities.map(withoutArguments)) },
      { weight: 1, arbitrary: fc.json({ maxDepth: 5 }) },
      { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
    ),
    secrets: fc.oneof(
      fc.constantFrom("", "null", "{}", nodePublishSecrets),
      damagedText(fc.constant(nodePublishSecrets)),
    ),
    permission: fc.oneof(fc.constantFrom("420", "", "0", "511"), fc.string({ maxLength: 6 }), fc.integer().map(String)),
    targetPath: fc.oneof({ weight: 3, arbitrary: fc.constant(podVolume) }, damagedText(fc.constant(podVolume))),
  }),
  regressions: [
    { attributes: '{"a":'.repeat(50_000), secrets: "", permission: "420", targetPath: podVolume },
    { attributes: "[".repeat(100_000), secrets: "[".repeat(100_000), permission: "420", targetPath: podVolume },
    { attributes: JSON.stringify(wellKnown), secrets: nodePublishSecrets, permission: "1e2", targetPath: podVolume },
    {
      attributes: JSON.stringify({ ...wellKnown, [tokensKey]: undefined }),
      secrets: "",
      permission: "420",
      targetPath: "/mnt",
    },
    ...[{ vaultNamespace: `x${"/".repeat(200_000)}x` }, manyUnknown].map((parameters) => ({
      attributes: JSON.stringify({ ...wellKnown, ...parameters }),
      secrets: "",
      permission: "420",
      targetPath: podVolume,
    })),
  ],
  async open() {
    const room = new MountRoom();
    const answers = new HeldSecrets();
    const parts = { answers, connection: sampleConnection(), clock: systemClock };
    return {
      async check(request) {
        const ask = () => room.mount({ ...request, currentObjectVersion: [] }, parts, new AbortController().signal);
        const outcome = await ask();
        expectEqual("the outcomes of the same Mount", outcome, await ask());
        if (outcome.ok) expectSameReading(request);
        expectUntouchedPrototypes();
        expectFilesForAll(outcome);
      },
      async close() {},
    };
  },
};

/** A class from the cache is the class that was read. */
function expectSameReading(request: WireMountRequest): void {
  const options = { refreshIntervalMs: 120_000, classes: new ClassCache(1 << 20) };
  const [first, second] = [parseMountRequest(request, options), parseMountRequest(request, options)];
  expectEqual("two readings", first, second);
}

export function expectUntouchedPrototypes(): void {
  const own = [Object.prototype, Array.prototype, String.prototype].map((prototype) => Object.keys(prototype));
  if (own.flat().length > 0) throw new Error(`prototypes were written to: ${own.join()}`);
}

/** Never an empty volume, no file twice, and each is of an object that has a version. */
function expectFilesForAll(outcome: Outcome): void {
  if (!outcome.ok) return;
  const { files, objectVersion } = outcome.response;
  const paths = files.map(({ path }) => path);
  const owned = paths.filter((path) =>
    objectVersion.some(({ id }) => id === path || id === "/" || (id.endsWith("/") && path.startsWith(id))),
  );
  if (files.length === 0 || new Set(paths).size < files.length || owned.length < files.length)
    throw new Error(`${files.length} files (${new Set(paths).size} paths) of ${objectVersion.length} versions`);
}
