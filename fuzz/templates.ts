import fc from "fast-check";
import { goJson } from "../src/shared/go-json.js";
import { filters } from "../src/render/template-filters.js";
import { runTask } from "../src/render/run-task.js";
import { canaries, expectNoCanary } from "./canaries.js";
import { damagedText } from "./mutations.js";
import { expectEqual } from "./mounting.js";
import type { Target } from "./target.js";

const secret = canaries.secretValue.value;
const own = {
  user: "app",
  password: secret,
  "tls.crt": secret,
  list: [secret, "b"],
  map: { key: secret },
  nothing: null,
};
const meta = { destroyed: false, custom_metadata: { owner: secret } };
const data = goJson({
  own: { data: own, meta },
  sources: { db: { data: { password: secret, host: "db-0" }, meta } },
});

const liquids = [
  "upcase",
  "split: ''",
  "join: ','",
  "first",
  "size",
  "slice: 0, 3",
  "replace: 'a', 'b'",
  "date: '%s'",
  "sort",
  "default: user",
];
const filter = fc.constantFrom(...Object.keys(filters), ...liquids, "sample", "raw", "nope");
const variable = fc.constantFrom(
  ...[
    "user",
    "password",
    "data['tls.crt']",
    "data[password]",
    "list[0]",
    "list",
    "map",
    "map.key",
    "nothing",
    "db.password",
    "db.meta",
    "meta.custom_metadata.owner",
  ],
  ...["db[password]", "list[password]", "missing", "user.constructor", "__proto__", "'now'", "1", "item", "x"],
);
const expression = fc
  .tuple(variable, fc.array(filter, { maxLength: 3 }))
  .map(([name, chain]) => [name, ...chain].join(" | "));

/** Templates of all tags, none of which makes a text double. */
const { template } = fc.letrec<{ template: string; part: string }>((tie) => ({
  template: fc.array(tie("part"), { maxLength: 4 }).map((parts) => parts.join("")),
  part: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("text\n", "{{", "{% if %}", "{%- comment %}x{% endcomment -%}", "{% include 'x' %}", "\u2028\0"),
    expression.map((inner) => `{{ ${inner} }}`),
    fc.tuple(variable, tie("template")).map(([name, inner]) => `{% for item in ${name} %}${inner}{% endfor %}`),
    fc
      .tuple(expression, tie("template"))
      .map(([name, inner]) => `{% if ${name} contains user %}${inner}{% else %}-{% endif %}`),
    fc
      .tuple(variable, tie("template"))
      .map(([name, inner]) => `{% case ${name} %}{% when 'app' %}${inner}{% endcase %}`),
    expression.map((inner) => `{% assign y = ${inner} %}{{ y }}`),
    tie("template").map((inner) => `{% raw %}${inner.replaceAll("{% raw %}", "")}{% endraw %}`),
  ),
}));

/** Templates of a class's author, over secrets that their mistakes must not tell. */
export const templatesTarget: Target<string> = {
  name: "templates",
  cases: fc.oneof({ weight: 4, arbitrary: template }, { weight: 1, arbitrary: damagedText(template) }),
  regressions: [
    "",
    "{{ data[password] }}",
    "{{ list[password] | date: 'x' }}",
    "{% for item in data[password] %}{% endfor %}",
  ],
  async open() {
    return {
      async check(text) {
        const delivery = runTask({ kind: "template", text, data });
        expectEqual("the same template, rendered twice", delivery, runTask({ kind: "template", text, data }));
        const looked = runTask({ kind: "names", text });
        for (const one of [delivery, looked]) {
          if (one.ok) continue;
          if (one.code === "internal") throw new Error(`a defect: ${one.message}`);
          expectNoCanary("a mistake", one.message);
        }
        if (!looked.ok && delivery.ok) throw new Error("rendered, and yet it cannot be parsed");
      },
      async close() {},
    };
  },
};
