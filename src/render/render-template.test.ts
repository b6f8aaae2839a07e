import { describe, expect, test } from "vitest";
import { goJson } from "../shared/go-json.js";
import type { JsonObject } from "../shared/json.js";
import { namesIn, render } from "./render-template.js";
import { TemplateMistake } from "./template-mistake.js";

const secret = { username: "app", password: "p:w'\\d&", "tls.crt": "PEM", port: 5432, nothing: null, list: ["a", "b"] };

/** What a template is rendered over: secrets without metadata, unless told. */
function dataOf(own: object | null, sources: Record<string, object> = {}, meta: object | null = null): string {
  const named = Object.entries(sources).map(([name, data]) => [name, { data, meta }]);
  return JSON.stringify({ own: own && { data: own, meta }, sources: Object.fromEntries(named) as object });
}

function rendered(text: string, own: object | null = secret, sources: Record<string, object> = {}, meta?: object) {
  return render(text, dataOf(own, sources, meta));
}

function mistake(text: string, data = dataOf(secret)): TemplateMistake {
  try {
    render(text, data);
  } catch (error) {
    if (error instanceof TemplateMistake) return error;
    throw error;
  }
  throw new Error("it was rendered");
}

describe("what a template sees", () => {
  test.each([
    ["a key", "{{ username }}", "app"],
    ["a key that is no name, in data", '{{ data["tls.crt"] }}', "PEM"],
    ["null is nothing", "[{{ nothing }}]", "[]"],
    ["a map or list is JSON", "{{ list }}", '["a","b"]'],
    ["all of it", "{{ data | json }}", goJsonLike()],
    ["an optional key", "{% if missing %}x{% endif %}{{ missing | default: 'none' }}", "none"],
    [
      "keys and values",
      "{% for pair in map %}{{ pair[0] }}={{ pair[1] }};{% endfor %}",
      "a=1;b=2;",
      { map: { a: 1, b: 2 } },
    ],
    ["a value that looks like a template stays one", "{{ x }}", "{{ username }}", { x: "{{ username }}" }],
  ] as [string, string, string, JsonObject?][])("%s", (_, text, result, own) => {
    expect(rendered(text, own)).toBe(result);
  });

  function goJsonLike() {
    return JSON.stringify(Object.fromEntries(Object.entries(secret).sort(([a], [b]) => (a < b ? -1 : 1))));
  }

  test("sources by their names, before keys of the same name; data has those", () => {
    const text = "{{ db.username }} {{ username }} {{ data.db }}";
    expect(rendered(text, { username: "own", db: "key" }, { db: { username: "source" } })).toBe("source own key");
  });

  test("without a secret of its own there are the sources only", () => {
    expect(rendered("{{ db.password }}", null, { db: { password: "x" } })).toBe("x");
    expect(mistake("{{ data.x }}", dataOf(null, { db: {} })).message).toContain("(there is: db)");
  });

  describe("metadata", () => {
    const meta = { version: 3, created_time: "2026-11-28T20:57:09Z", custom_metadata: { owner: "shop" } };
    const db = { user: "app" };

    test.each<[string, string, string, (object | null)?, Record<string, object>?]>([
      [
        "is in meta",
        "{{ meta.version }} {{ meta.created_time | date: '%Y' }} {{ meta.custom_metadata.owner }}",
        "3 2026 shop",
      ],
      ["of a source is in its meta", "{{ db.meta.version }} {{ db.user }}", "3 app", db, { db }],
      ["of a source alone", "{{ db.meta.custom_metadata | json }}", '{"owner":"shop"}', null, { db }],
      ["gives way to a key of that name", "{{ meta }}", "mine", { meta: "mine" }],
      ["gives way to a key of that name in a source", "{{ db.meta }}", "mine", db, { db: { meta: "mine" } }],
      ["gives way to a source of that name", "{{ meta.user }} {{ meta.meta.version }}", "app 3", db, { meta: db }],
      ["is no key of the secret", "{{ data | json }}{{ data.meta | default: 'none' }}", '{"user":"app"}none', db],
      [
        "is no key of a source",
        "{% for pair in db %}{{ pair[0] }}{% endfor %}{{ db | json }}",
        'user{"user":"app"}',
        db,
        { db },
      ],
    ])("%s", (_, text, result, own = db, sources = {}) => {
      expect(rendered(text, own, sources, meta)).toBe(result);
    });

    test("that is not there is told like a key, with the names beside it", () => {
      expect(mistake("{{ meta.version }}").message).toMatch(/^there is no "meta.version"; meta is what KV v2 says/);
      expect(mistake("{{ db.meta.version }}", dataOf(null, { db: {} })).message).toMatch(/; meta is what KV v2 says/);
      const there = dataOf(db, {}, { version: 3, custom_metadata: { owner: "x" } });
      expect(mistake("{{ meta.versoin }}", there).message).toBe(
        'there is no "meta.versoin" (in meta there is: custom_metadata, version); did you mean meta.version?',
      );
      expect(mistake("{{ meta.custom_metadata.ownr }}", there).message).toBe(
        'there is no "meta.custom_metadata.ownr" (in meta.custom_metadata there is: owner); did you mean meta.custom_metadata.owner?',
      );
      const without = dataOf(db, {}, { version: 3 });
      expect(mistake("{{ meta.custom_metadata.owner }}", without).code).toBe("not_found");
      expect(render("{{ meta.custom_metadata.owner | default: 'none' }}", without)).toBe("none");
    });
  });

  test.each(["5432", "1.10", "12345678901234567890", "1e400", "-0"])("the number %s keeps its digits", (digits) => {
    const data = `{"own":{"data":{"n":${digits},"in":{"n":[${digits}]}},"meta":null},"sources":{}}`;
    expect(render("{{ n }} {{ in }} {{ in | json: 1 }}", data)).toBe(
      `${digits} {"n":[${digits}]} {\n "n": [\n  ${digits}\n ]\n}`,
    );
  });

  test("a number can be reckoned with and compared", () => {
    expect(rendered("{{ port | plus: 1 }} {% if port > 5000 %}high{% endif %}")).toBe("5433 high");
  });

  test.each(["constructor", "__proto__", "username.constructor", "data.toString", "list.map", "username.__proto__"])(
    "nothing inherited: %s",
    (name) => expect(mistake(`{{ ${name} }}`).code).toBe("not_found"),
  );

  test("keys that objects inherit are keys like others", () => {
    const data = '{"own":{"data":{"__proto__":"a","constructor":"b"},"meta":null},"sources":{}}';
    expect(render("{{ __proto__ }}{{ constructor }}", data)).toBe("ab");
  });
});

describe("filters", () => {
  test.each([
    ["{{ password | json }}", `"p:w'\\\\d&"`],
    ["{{ 'a b' | shell_quote }}", "'a b'"],
    ["{{ password | shell_quote }}", `'p:w'\\''\\d&'`],
    ["{{ password | pgpass_escape }}", `p\\:w'\\\\d&`],
    ["{{ password | percent_encode }}", "p%3Aw%27%5Cd%26"],
    ["{{ y | properties_escape }}", "\\ \\u00e4\\\\b"],
    ["{{ 'hé' | base64_encode }}", "aMOp"],
    ["{{ 'aMOp' | base64_decode }}", "hé"],
    ["{% assign c = conf | from_json %}{{ c.a[1].b }} {{ c.n }}", "x 12345678901234567890"],
    ["{{ list | join: ',' | upcase }}", "A,B"],
    ["{{ 0 | date: '%Y-%m-%dT%H:%M:%S%z' }}", "1970-01-01T00:00:00+0000"],
    ["{{ '2026-01-02T03:04:05Z' | date: '%d.%m.%y %H:%M' }}", "02.01.26 03:04"],
    ["{{ x | indent: 4 }}", "a\n    b\n\n    c\n"],
    ["{{ data.map | json: 2 }}", '{\n  "a": 1\n}'],
  ])("%s", (text, result) => {
    expect(
      rendered(text, {
        ...secret,
        x: "a\nb\n\nc\n",
        y: " ä\\b",
        map: { a: 1 },
        conf: '{"a":[0,{"b":"x"}],"n":12345678901234567890}',
      }),
    ).toBe(result);
  });

  test.each([
    ["{{ 'now' | date: '%s' }}", /date takes no "now": the file would change with every reading/],
    ["{{ 'today' | date_to_string }}", /date_to_string takes no "today"/],
    ["{{ password | base64_decode }}", /base64_decode was given what is not valid base64/],
    ["{{ '/w==' | base64_decode }}", /base64_decode gave what is not UTF-8/],
    ["{{ password | from_json }}", /from_json was given what is not JSON/],
    ["{{ x | pgpass_escape }}", /pgpass_escape was given more than one line/],
    ["{{ password | indent: 999 }}", /indent takes a whole number of spaces, up to 64/],
    ["{{ list | sample }}", /the filter sample is not known/],
    ["{{ password | raw }}", /the filter raw is not known/],
    ["{{ password | nope }}", /the filter nope is not known/],
    ["{% include 'x' %}", /the tag include is not known here/],
    ["{% render 'x' %}", /the tag render is not known here/],
    ["{% layout 'x' %}", /the tag layout is not known here/],
    ["{% if username %}", /"{% if username %}" is not closed/],
    ["{{ username", /is not closed/],
    ["{% if %}x{% endif %}", /cannot be read/],
  ])("%s is refused in our words", (text, message) => {
    const found = mistake(text, dataOf({ ...secret, x: "a\nb" }));
    expect(found.message).toMatch(message);
    expect(found.code).toBe("invalid_request");
  });
});

describe("a Go template", () => {
  test.each([
    [`{{- with secret "secret/data/app" -}}{{ .Data.data.password }}{{- end -}}`],
    [`{{ with $s := secret "secret/data/app" }}{{ $s.Data.data.x }}{{ end }}`],
    ["{{ if .Data.data.tls }}tls{{ else }}plain{{ end }}"],
    ["{{ if true }}tls{{ end }}"],
    ["{{ if not .tls }}plain{{ end }}"],
    ["{{ not .tls }}"],
    ["{{ .Data.data.password }}"],
    ["{{ . }}"],
    ["{{ .password | b64enc }}"],
    [`{{ index .Data.data "tls.crt" }}`],
    [`{{ env "X" }}`],
    [`{{ key "app/port" | upcase }}`],
    ["{{ file `/etc/hosts` }}"],
    [`{{ range secrets "secret/metadata/web/" }}{{ end }}`],
    ["{{ range $k, $v := .Data.data }}{{ $k }}{{ end }}"],
    ["{{ range services }}x{{ end }}"],
    [`{{ (secret "secret/data/app").Data.data.password }}`],
    ["{{ base64Decode (trimSpace .Data.data.x) }}"],
    ["{{ add 1 2 }}"],
    ["{{/* the database */}}"],
    [`{{ define "line" }}{{ end }}{{ template "line" . }}`],
  ])("is refused as such, though the object is optional: %s", (text) => {
    const found = mistake(text);
    expect(found.code).toBe("invalid_request");
    expect(found.message).toMatch(
      /^"\{\{.*": this is a Go template; keymount's are Liquid: \{\{ password \}\}, \{% if … %\}, docs\/migration\.md#templates-side-by-side$/,
    );
    expect(() => namesIn(text)).toThrow("this is a Go template");
  });

  test("is refused where it begins", () => {
    expect(mistake("user={{ username }}\n  {{ .password }}")).toMatchObject({ line: 2, column: 3 });
  });

  test.each([
    ["keys that are words of Go", "{{ key }}{{ file | upcase }}{{ if }}{{ else }}{{ end }}{{- env -}}", "kFieneev"],
    ["such keys in conditions", "{{ range == 'r' }}{{ end contains 'n' }}{{ not end }}", "truetruefalse"],
    ["a range", "{% assign to = 3 %}{{ (1..3) | join }}{{ (1 .. to) | join }}", "1 2 31 2 3"],
    ["a text", `{{ "{{ .x }}" }}`, "{{ .x }}"],
    ["one that is written as it is", "{% raw %}{{ .x }}{% endraw %}", "{{ .x }}"],
    ["one in a comment", "{% comment %}{{ .x }}{% endcomment %}{{ key }}", "k"],
  ])("is not taken for %s", (_what, text, result) => {
    const own = { key: "k", file: "f", if: "i", else: "e", end: "ne", env: "ev", range: "r", with: "w" };
    expect(rendered(text, own)).toBe(result);
  });
});

test("the error for a missing variable names line, column and the existing variables", () => {
  const { code, line, column, message } = mistake("user={{ username }}\npass={{ pasword }}\n");
  expect({ code, line, column }).toEqual({ code: "not_found", line: 2, column: 9 });
  expect(message).toBe(
    'there is no "pasword" (there is: data, list, nothing, password, port, tls.crt, username); did you mean password?',
  );
});

test.each([
  ["{{ tls.crt }}", 'data["tls.crt"]'],
  ["{{ data.tls.crt }}", 'data["tls.crt"]'],
  ["{% for line in tls.crt %}{% endfor %}", 'data["tls.crt"]'],
  ["{{ password.old }}", 'data["password.old"]'],
  ["{{ db.jdbc.url }}", 'db["jdbc.url"]'],
  ["{{ db.spring.datasource.hikari.size }}", 'db["spring.datasource"].hikari.size'],
  ["{{ data.nested.a.b-c }}", 'data.nested["a.b-c"]'],
])("the error for a key with a dot says how it is written: %s", (text, form) => {
  const own = { "tls.crt": "PEM", password: "x", "password.old": "y", nested: { "a.b-c": 1 } };
  const db = { "jdbc.url": "jdbc:", "spring.datasource": { hikari: { size: 5 } } };
  const data = dataOf(own, { db });
  expect(mistake(text, data).message).toMatch(/^there is no ".*"; a key with a dot is written /);
  expect(mistake(text, data).message).toContain(` is written ${form}`);
  expect(() => render(`{{ ${form} }}`, data)).not.toThrow();
});

test.each(["{{ tls.key }}", "{{ data[tls.crt] }}", "{{ db.nope }}", "{{ db['jdbc'].url }}", "{{ toString.x }}"])(
  "a name that is no key with a dot gets the names there are: %s",
  (text) => {
    const data = dataOf({ password: "x" }, { db: { "jdbc.url": "y" } });
    expect(mistake(text, data).message).toMatch(/ \((in db there is: \S+|there is: data, db, password)\)/);
  },
);

test.each(["{{ data[password] }}", "{{ list[password].x }}", "{% for i in data[password] %}{% endfor %}"])(
  "a mistake never tells a value, though Liquid does: %s",
  (text) => expect(JSON.stringify(mistake(text))).not.toContain("p:w"),
);

test.each([
  ["a loop", "{% for i in (1..100000000) %}{% endfor %}"],
  [
    "loops within loops",
    "{% for i in (1..9999) %}{% for j in (1..9999) %}{% for k in (1..9999) %}{% endfor %}{% endfor %}{% endfor %}",
  ],
  [
    "a text that doubles",
    "{% assign x = 'aaaaaaaaaa' %}{% for i in (1..40) %}{% assign x = x | append: x %}{% endfor %}{{ x }}",
  ],
])("%s ends", (_, text) => expect(mistake(text).code).toBe("limit_exceeded"));

test("a template nested too deep is refused", () => {
  const deep = "{%if a%}".repeat(4_000) + "{%endif%}".repeat(3_000);
  expect(mistake(deep).code).toBe("invalid_request");
});

test("equal data gives equal bytes", () => {
  const [one, other] = [dataOf({ b: 1, a: { d: 2, c: 3 } }), dataOf({ a: { c: 3, d: 2 }, b: 1 })];
  expect(render("{{ data | json }}", one)).toBe(render("{{ data | json }}", other));
});

test("the variables that a template reads, without what it makes itself", () => {
  const text =
    "{% assign x = db.user %}{{ x }}{% for i in list %}{{ i }}{% endfor %}\n{{ data['tls.crt'] | default: other }}";
  expect(namesIn(text)).toEqual([
    { steps: ["db", "user"], line: 1, column: 15 },
    { steps: ["list"], line: 1, column: 44 },
    { steps: ["data", "tls.crt"], line: 2, column: 4 },
    { steps: ["other"], line: 2, column: 31 },
  ]);
});

test("goJson of what is sent reads back the same", () => {
  expect(rendered("{{ x }}", JSON.parse(goJson({ x: "a<b>&\u2028" })) as JsonObject)).toBe("a<b>&\u2028");
});
