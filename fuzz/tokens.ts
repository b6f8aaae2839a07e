import fc from "fast-check";
import { systemClock } from "../src/shared/clock.js";
import { sampleConnection } from "../dev/testing/connection.js";
import { expectUntouchedPrototypes, wellKnown } from "./attributes.js";
import { damagedText } from "./mutations.js";
import { HeldSecrets } from "./held-secrets.js";
import { MountRoom } from "./mounting.js";
import { oddText } from "./parameters.js";
import { claims, pod, podVolume, tokenOf, tokens, tokensKey } from "./service-account-token.js";
import type { Target } from "./target.js";

const odd = fc.oneof(
  oddText,
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom("shop", "web", "uid-1", "other", ["vault"], 0),
);
const own = claims["kubernetes.io"];
const either = (usual: unknown) =>
  fc.oneof({ weight: 4, arbitrary: usual instanceof fc.Arbitrary ? usual : fc.constant(usual) }, odd);

const payload = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      ...Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, either(value)])),
      "kubernetes.io": fc.oneof(
        {
          weight: 4,
          arbitrary: fc.record({
            namespace: either(own.namespace),
            pod: either(fc.record({ name: either(own.pod.name), uid: either(own.pod.uid) })),
            serviceaccount: either(fc.record({ name: either(own.serviceaccount.name), uid: either("sa-uid-1") })),
          }),
        },
        odd,
      ),
    }),
  },
  fc.jsonValue(),
);
const jwt = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(payload, odd).map(([body, header]) => tokenOf(body, header)) },
  { weight: 1, arbitrary: oddText },
);
const offered = fc
  .dictionary(
    fc.constantFrom("vault", " vault", "", "other", "__proto__"),
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ token: jwt, expirationTimestamp: either("2100-01-01T00:00:00Z") }) },
      odd,
    ),
    { maxKeys: 3 },
  )
  .map((value) => JSON.stringify(value));

interface Case {
  text: string;
  /** Where the driver put it. */
  location: "attributes" | "secrets";
  audience: string;
}

/** Tokens as a driver hands them on: nothing about them is believed, least of all whose they are. */
export const tokensTarget: Target<Case> = {
  name: "tokens",
  cases: fc.record({
    text: fc.oneof({ weight: 5, arbitrary: damagedText(offered) }, damagedText(fc.constant(tokens)), fc.json()),
    location: fc.constantFrom("attributes", "secrets"),
    audience: fc.constantFrom("", "", "vault", " vault ", "other", "__proto__", "toString"),
  }),
  regressions: [
    { text: tokens, location: "attributes", audience: "toString" },
    { text: `{"vault":{"token":"${"a".repeat(5 << 20)}"}}`, location: "attributes", audience: "" },
    { text: `{"vault":{"token":"${"a.".repeat(8_000)}"}}`, location: "secrets", audience: "" },
    { text: `{"vault":`.repeat(30_000), location: "attributes", audience: "" },
  ],
  async open() {
    const room = new MountRoom();
    return {
      async check({ text, location, audience }) {
        const answers = new HeldSecrets();
        const parts = { answers, connection: sampleConnection(), clock: systemClock };
        const attributes = { ...wellKnown, [tokensKey]: location === "attributes" ? text : "", audience };
        const request = {
          attributes: JSON.stringify(attributes),
          secrets: location === "secrets" ? JSON.stringify({ [tokensKey]: text }) : "",
          permission: "420",
          targetPath: podVolume,
          currentObjectVersion: [],
        };
        const outcome = await room.mount(request, parts, new AbortController().signal);
        if (answers.principal) expectOwnToken(answers.principal.jwt.reveal());
        else if (outcome.ok) throw new Error("a Mount without a principal succeeded");
        expectUntouchedPrototypes();
      },
      async close() {},
    };
  },
};

/** Nothing is looked up before the token says what the driver says. */
function expectOwnToken(token: string): void {
  const said = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as typeof claims;
  const { namespace, serviceaccount, pod: bound } = said["kubernetes.io"];
  const same =
    namespace === pod.namespace &&
    serviceaccount.name === pod.serviceAccount &&
    (bound === undefined || bound.uid === pod.uid);
  if (!same) throw new Error(`a token of ${JSON.stringify(said["kubernetes.io"])} was taken for the pod's`);
  if (token.split(".").length !== 3) throw new Error("a token that is no JWT was taken");
}
