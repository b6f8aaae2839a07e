import fc from "fast-check";
import { Redacted } from "../src/shared/redacted.js";
import { maskedSentence, spokenBy } from "../src/vault/masked-sentence.js";
import { errorsIn } from "../src/vault/vault-errors.js";
import type { Target } from "./target.js";

type Piece = { kind: "words" | "value" | "token" | "quote" | "name" | "noise"; text: string };

interface Case {
  /** What the class sends. */
  args: Record<string, unknown>;
  /** The texts of Vault's `errors`, from pieces. */
  errors: Piece[][];
}

/** Not words of any value: what is quoted here is of nobody's request. */
const strangers = ["zz-stranger", "zzstranger", "zz stranger", "10.0.0.9:5432", 'zz\\"stranger', "it's zzstranger"];
const tokens = [
  "hvs.CAESIJzzTokenOfSomebody0123456789",
  "s.zzTokenOfSomebody012345678",
  "eyJhbGciOiJub25lIn0.eyJ6eiI6MX0.zzSignature-0_",
  "b.AAAAAQzzTokenOfSomebody01234567890",
];
const words = [
  "unknown role:",
  "1 error occurred:\n\t* ",
  "Field validation failed: error converting input",
  'for field "ttl":',
  "doesn't exist",
  "permission (denied);",
  "host=zzhost user=zzuser",
];
const value = fc.oneof(
  fc.constantFrom("hunter two", "zz,value", "plaintext of mine", "a'b\"c`d", "exist", "42", "zzvalue", "Zz%2Bvalue"),
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 6 }),
);
const pieces = (values: readonly string[]): fc.Arbitrary<Piece> =>
  fc.oneof(
    fc.constantFrom(...words).map((text) => ({ kind: "words" as const, text })),
    ...(values.length === 0 ? [] : [fc.constantFrom(...values).map((text) => ({ kind: "value" as const, text }))]),
    fc.constantFrom(...tokens).map((text) => ({ kind: "token" as const, text })),
    fc
      .tuple(fc.constantFrom(...strangers), fc.constantFrom("'", '"', "`"))
      .map(([text, quote]) => ({ kind: "quote" as const, text: `${quote}${text}${quote}` })),
    fc.constantFrom("web", '"web"', "pki/issue/web").map((text) => ({ kind: "name" as const, text })),
    fc.string({ unit: "binary", maxLength: 40 }).map((text) => ({ kind: "noise" as const, text })),
  );
const cases: fc.Arbitrary<Case> = fc
  .dictionary(fc.constantFrom("plaintext", "ttl", "data", "zzkey"), fc.oneof(value, fc.array(value, { maxLength: 3 })))
  .chain((args) => {
    const values = Object.values(args).flat();
    const error = fc.array(pieces(values), { minLength: 1, maxLength: 12 });
    return fc.record({ args: fc.constant(args), errors: fc.array(error, { minLength: 1, maxLength: 3 }) });
  });

/** The sentence of keymount's own that stands for one of Vault's: of Vault's text it holds a field's name. */
const ownSentence = /^Field validation failed: the value of the field "([a-z_]+)" has not the form that it must have$/;

const said = (text: string): Piece => ({ kind: "words", text });

/** What a refusal's sentence of Vault may say, whatever Vault's text holds. */
export const refusalsTarget: Target<Case> = {
  name: "refusals",
  cases,
  regressions: [
    {
      args: { data: "it" },
      errors: [[said('Field validation failed: error converting input it for field "ttl"')]],
    },
    { args: { plaintext: "hunter two" }, errors: [[said("cannot decrypt hunter two,"), said("two of hunter")]] },
    { args: { ttl: "abc" }, errors: [[said('time: invalid duration "abc"')]] },
    { args: {}, errors: [[said("failed to connect to `host=zzhost user=zzuser`: dial")]] },
    { args: {}, errors: [[said('role "'), { kind: "quote", text: '"zz-stranger"' }]] },
  ],
  async open() {
    return {
      async check({ args, errors }) {
        const spoken = spokenBy({ path: "pki/issue/web", args: new Redacted(JSON.stringify(args)) })!;
        const texts = errors.map((error) => error.map(({ text }) => text).join(" "));
        const sentence = maskedSentence(errorsIn({ errors: texts }), spoken) ?? "";
        if (sentence.length > 400) throw new Error(`a sentence of ${sentence.length} characters`);
        const fromVault = sentence.replace(ownSentence, "$1");
        for (const one of Object.values(args).flat() as string[]) expectUnsaid(one, fromVault);
        for (const token of tokens) if (sentence.includes(token.slice(0, 12))) throw new Error(`a token: ${sentence}`);
        if (/zzhost|zzuser/.test(sentence)) throw new Error(`what stands behind an engine: ${sentence}`);
        // Noise may hold a quote that opens or closes another.
        const isClear = errors
          .flat()
          .every(({ kind, text }) => !["noise", "value"].includes(kind) || !/['"`\\]/.test(text));
        if (isClear && sentence.includes("stranger")) throw new Error(`a quoted text of nobody's: ${sentence}`);
      },
      async close() {},
    };
  },
};

/** What has no letter or digit is said by chance; what has one or two is looked for as a word. */
function expectUnsaid(value: string, sentence: string): void {
  if (!/[\p{L}\p{N}]/u.test(value)) return;
  const isSaid = value.length > 2 ? sentence.includes(value) : sentence.split(/[^\p{L}\p{N}]+/u).includes(value);
  if (isSaid) throw new Error(`the value ${JSON.stringify(value)}: ${sentence}`);
}
