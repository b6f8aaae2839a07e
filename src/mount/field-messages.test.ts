import { describe, expect, test } from "vitest";
import { plainParameters, prefixedParameters, readClass } from "./class-parameters.js";
import { mostRead } from "./findings.js";
import { objectFields } from "./object-fields.js";
import { readObjects } from "./objects.js";

const texts = ["maybe not", "30 m", "a\nb", "../x", "2000-01-01", "s3cret-".repeat(9)];
const wrong = [...texts, 1.5, -1, true, null, {}, [], { a: {} }, [{}], ["x/../y"]];
/** These may hold what is secret itself, or begin a text of many lines. */
const hidden = ["secretArgs", "default", "template", "password"];

/** What is said without a look at the value: that the field is not for this object, or cannot be so. */
const ofCompany =
  /( is for | is not for | means nothing | is missing|cannot be beside|makes one file|is not used|is not sent|holds a|has no effect|must not be in the class|is not a field|is longer than|of more than)/;

function expectWhole(text: string, field: string, value: unknown): void {
  const written = typeof value === "string" ? value : JSON.stringify(value);
  expect(text).toContain(field);
  if (hidden.includes(field) && typeof value === "string") expect(text).not.toContain(value);
  else if (ofCompany.test(text)) expect(text).not.toContain("s3cret");
  else if (typeof value === "object") expect(text).toMatch(/ not a (map|list|single value)$|must be a (map|list|text)/);
  else if (!/^[\w.+ -]{0,20}$/.test(written)) expect(text).toMatch(/ (value is|must be)/);
  else if (!/must be a (map|list)/.test(text)) expect(text).toContain(JSON.stringify(written));
  else expect(text).toMatch(/, not a single value$/);
  expect(text).toMatch(
    /; |write |must |did you mean|is for |is missing|means nothing|cannot be beside|holds a|is not within|is not used|is longer/,
  );
}

describe.each(objectFields)("a wrong %s says the object, the field, what was found and what to write", (field) => {
  const shapes = [
    { objectName: "a" },
    { objectName: "a/" },
    { objectName: "a", secretKey: "k" },
    { objectName: "a", template: "{{ a }}" },
    { objectName: "a", format: "pkcs12", password: { secretKey: "p" } },
  ];
  const found = shapes.flatMap((shape) =>
    wrong.flatMap((value) => {
      const entry = { secretPath: "secret/data/a", ...shape, [field]: value };
      return readObjects(JSON.stringify([entry]), 60_000)
        .findings.map(({ text }) => text)
        .filter((text) => text.split(": ", 2)[1]!.split(/\W/, 1)[0] === field)
        .map((text) => ({ value, text }));
    }),
  );

  test("is found", () => expect(found.length).toBeGreaterThan(0));
  test.each(found)("$value: $text", ({ value, text }) => expectWhole(text, field, value));
});

const parameters = [...plainParameters, ...prefixedParameters.map((suffix) => `vault${suffix}`)];

describe.each(parameters.filter((name) => name !== "objects"))(
  "a wrong parameter %s says the same of itself",
  (name) => {
    const found = [...texts, "x".repeat(2_000)].flatMap((value) => {
      const others = { roleName: "web", objects: "- {objectName: a, secretPath: a}" };
      const written = new Map(Object.entries({ ...others, [name]: value }));
      return readClass(written, 60_000, mostRead)
        .findings.filter(({ parameter }) => parameter === name)
        .map(({ text }) => ({ value, text }));
    });

    test("is found", () => expect(found.length).toBeGreaterThan(0));
    test.each(found)("$value: $text", ({ value, text }) => expectWhole(text, name, value));
  },
);
