import { describe, expect, test } from "vitest";
import { threadCpuMs } from "../../dev/testing/thread-cpu.js";
import { readObjects } from "./objects.js";
import { ownFileBounds, readYaml } from "./yaml-tree.js";

function errorsOf(text: string): string[] {
  return readObjects(text, 120_000).findings.flatMap(({ level, text: found }) => (level === "error" ? [found] : []));
}

const first = "- objectName: a\n  secretPath: b\n";
const args = "- objectName: a\n  secretPath: b\n  method: PUT\n  secretArgs:\n    x: 1\n";
const sources = "- objectName: a\n  template: x\n  sources:\n    db:\n      secretPath: s\n";
const template = "- objectName: a\n  secretPath: b\n  template: |\n";

/** Each of them, with what the parser makes of it or more of the same after it, is one message. */
const mistakes: readonly [string, string, string][] = [
  // Fields of an entry
  [
    "a field too far left",
    `${first} secretKey: c\n`,
    "line 3, column 2: is indented by 1 space; the other fields of this entry are indented by 2",
  ],
  [
    "a field too far left, before others",
    `${first} secretKey: c\n  encoding: hex\n- objectName: d\n`,
    "line 3, column 2: is indented by 1 space; the other fields of this entry are indented by 2",
  ],
  [
    "a field too far right",
    `${first}   secretKey: c\n  encoding: hex\n`,
    "line 3, column 4: is indented by 3 spaces; the other fields of this entry are indented by 2",
  ],
  [
    "a field too far right, below a text in quotes",
    '- objectName: a\n  secretPath: "b"\n   secretKey: "c"\n',
    "line 3, column 4: is indented by 3 spaces; the other fields of this entry are indented by 2",
  ],
  [
    "all fields too deep below the first",
    "- objectName: a\n    secretPath: b\n    secretKey: c\n- objectName: d\n    secretPath: e\n",
    'line 2, column 5: is indented by 4 spaces; the first field of this entry is indented by 2, its "- " included',
  ],
  [
    "fields at the column of the dash",
    "- objectName: a\nsecretPath: b\nsecretKey: c\n- objectName: d\nsecretPath: e\n",
    'line 2, column 1: is not indented; the first field of this entry is indented by 2, its "- " included',
  ],
  [
    "two spaces behind the dash, and two less below it",
    "-   objectName: a\n  secretPath: b\n",
    'line 2, column 3: is indented by 2 spaces; the first field of this entry is indented by 4, its "- " included',
  ],
  [
    "a field below an anchor",
    "- &a\n  objectName: a\n   secretPath: b\n",
    "line 3, column 4: is indented by 3 spaces; the first field of this entry is indented by 2",
  ],
  [
    "a field with a tag",
    `${first}   !!str secretKey: c\n`,
    "line 3, column 4: is indented by 3 spaces; the other fields of this entry are indented by 2",
  ],
  [
    "with the line ends of Windows",
    `${first}   secretKey: c\n  encoding: hex\n`.replaceAll("\n", "\r\n"),
    "line 3, column 4: is indented by 3 spaces; the other fields of this entry are indented by 2",
  ],
  [
    "too far left, with the line ends of Windows",
    `${first} secretKey: c\n`.replaceAll("\n", "\r\n"),
    "line 3, column 2: is indented by 1 space; the other fields of this entry are indented by 2",
  ],
  [
    "below comments and blank lines",
    `${first}# of the key\n\n      # more\n\n secretKey: c # d\n`,
    "line 7, column 2: is indented by 1 space; the other fields of this entry are indented by 2",
  ],
  [
    "too far right below comments and blank lines",
    `- objectName: a\n  secretPath: b # c\n\n# of the key\n   secretKey: c\n`,
    "line 5, column 4: is indented by 3 spaces; the other fields of this entry are indented by 2",
  ],
  ["with a tab", `${first}  \tsecretKey: c\n`, "line 3: is indented with a tab; YAML takes spaces only"],
  ["with a tab, too far left", `${first} \tsecretKey: c\n`, "line 3: is indented with a tab; YAML takes spaces only"],
  // Entries
  [
    "an entry too far right",
    `${first} - objectName: c\n   secretPath: d\n`,
    "line 3, column 2: is indented by 1 space; the first entry of this list is not indented",
  ],
  [
    "an entry at the column of the fields above it",
    `${first}- objectName: c\n  secretPath: d\n  - objectName: e\n    secretPath: f\n`,
    "line 5, column 3: is indented by 2 spaces; the other entries of this list are not indented",
  ],
  [
    "an entry too far left",
    "  - objectName: a\n    secretPath: b\n - objectName: c\n   secretPath: d\n",
    "line 3, column 2: is indented by 1 space; the first entry of this list is indented by 2",
  ],
  // Maps and lists within
  [
    "an argument too far left",
    `${args}   y: 2\n`,
    "line 6, column 4: is indented by 3 spaces; the first field of secretArgs is indented by 4, and the fields around it are indented by 2",
  ],
  [
    "an argument too far right",
    `${args}     y: 2\n`,
    "line 6, column 6: is indented by 5 spaces; the first field of secretArgs is indented by 4",
  ],
  [
    "an argument whose name is in quotes",
    `${args}    "z": 1\n     "y": "2"\n`,
    "line 7, column 6: is indented by 5 spaces; the other fields of secretArgs are indented by 4",
  ],
  [
    "a source's field too far right",
    `${sources}       secretKey: k\n`,
    "line 6, column 8: is indented by 7 spaces; the first field of db is indented by 6",
  ],
  [
    "a second source too far left",
    `${sources}   web:\n      secretPath: t\n`,
    "line 6, column 4: is indented by 3 spaces; the first field of sources is indented by 4, and the fields around it are indented by 2",
  ],
  [
    "a source's field between it and the next",
    `${sources}     secretKey: k\n`,
    "line 6, column 6: is indented by 5 spaces; the first field of db is indented by 6, and the fields around it are indented by 4",
  ],
  [
    "a key too far left in a list",
    `- objectName: a/\n  keys:\n    - x\n   - y\n  secretPath: b\n`,
    "line 4, column 4: is indented by 3 spaces; the first entry of keys is indented by 4, and the entries around it are not indented",
  ],
  [
    "a list less indented than its key",
    "- objectName: a/\n  secretPath: b\n  keys:\n - x\n",
    "line 4, column 2: is indented by 1 space; the list of keys must be indented by at least 2, and the entries around it are not indented",
  ],
  [
    "a key at the column of the entries",
    '- objectName: a/\n  keys:\n    - x\n- "y"\n  secretPath: b\n',
    "line 5, column 3: is indented by 2 spaces, as a field of the entry above it, which is a single value",
  ],
  [
    "brackets whose next line is not indented",
    "- objectName: a/\n  keys: [x,\n  y]\n  secretPath: b\n",
    "line 3, column 3: is indented by 2 spaces; lines inside the [ above are indented by at least 3 (is its ] missing?)",
  ],
  // Texts
  [
    "a template whose text is not indented",
    `${template}  user={{ user }}\n  pass={{ pass }}\n`,
    "line 4, column 3: is indented by 2 spaces and has no colon; the text of template must be indented by at least 3",
  ],
  [
    "a line of a template too far left",
    `${template}    user={{ user }}\n   pass={{ pass }}\n  secretKey: c\n`,
    "line 5, column 4: is indented by 3 spaces; the text of template is indented by 4",
  ],
  [
    "a line of a template that looks like a field",
    `${template}    user: {{ user }}\n   pass: {{ pass }}\n`,
    "line 5, column 4: is indented by 3 spaces; the text of template is indented by 4, and the fields around it are indented by 2",
  ],
  [
    "a blank line above a template that is indented more",
    `${template}      \n    user\n`,
    "line 4, column 5: is indented by 6 spaces and blank; the text of template is indented by 4",
  ],
  // Templates without quotes
  [
    "a template without quotes",
    `${first}  template: {{ user }}\n`,
    "line 3, column 13: has {{ … }} without quotes; put it in quotes",
  ],
  [
    "two templates without quotes",
    `${first}  template: {{ data.user }}:{{ data["pass"] }}\n`,
    "line 3, column 13: has {{ … }} without quotes; put it in quotes",
  ],
  [
    "a template without quotes in a flow map",
    "- {objectName: a, secretPath: b, template: {{ user }}}\n",
    "line 1, column 44: has {{ … }} without quotes; put it in quotes",
  ],
];

describe("one message says what is wrong with the layout of objects:", () => {
  test.each(mistakes)("%s", (_what, text, message) => {
    expect(errorsOf(text)).toEqual([`objects, ${message}`]);
  });
});

test("a mistake before it is told of too", () => {
  expect(errorsOf(`- objectName: @a\n- objectName: b\n secretPath: c\n`)).toEqual([
    "objects, line 1: starts with a character that must be quoted",
    'objects, line 3, column 2: is indented by 1 space; the first field of this entry is indented by 2, its "- " included',
  ]);
});

describe("what is no mistake of layout keeps its words:", () => {
  const missing = "lacks a character here (a quote, bracket, comma or colon that is not closed?)";
  const severalLines = "has a key that runs over several lines (a missing colon?)";
  test.each([
    ["a quote that is not closed", '- objectName: "a\n  secretPath: b\n', `line 3: ${missing}`],
    ["a colon that is missing", "- objectName: a\n  secretPath\n  secretKey: b\n", `line 2: ${severalLines}`],
    ["a blank that is missing", "- objectName: a\n  secretPath:b\n  secretKey: c\n", `line 2: ${severalLines}`],
    ["a list as a key", "- {[a]: b}\n", "line 1: has a list or map as a key"],
    ["a map as a key", "- {? {a: b} : c}\n", "line 1: has a list or map as a key"],
  ])("%s", (_what, text, message) => {
    expect(errorsOf(text)).toEqual([`objects, ${message}`]);
  });
});

describe("is not looked for in what the parser takes:", () => {
  test.each([
    ["a list at the column of its key", "- objectName: a/\n  secretPath: b\n  keys:\n  - x\n  - y\n"],
    [
      "steps of one space and of eight",
      "-\n objectName: a\n secretPath: b\n method: PUT\n secretArgs:\n         x: {y: [1,\n          2]}\n",
    ],
    ["a text of lines that look like fields", `${template}    a:\n   \n     - b: 1\n      c: 2\n    - d\n`],
    ["a text with an indentation of its own", `- objectName: a\n  secretPath: b\n  template: |1\n     x\n   y\n`],
    ["a value on lines of its own", "- objectName: a\n  secretPath:\n      b/c\n  secretKey: 'd\n\n    e'\n"],
  ])("%s", (_what, text) => {
    expect(errorsOf(text)).toEqual([]);
  });
});

describe("bad lines take time in proportion, and are one message a document:", () => {
  const lines =
    (line: string, start = "") =>
    (bytes: number) =>
      start + line.repeat(bytes / line.length);
  test.each<[string, number, (bytes: number) => string, string]>([
    ["a mebibyte too far left", 1 << 20, lines(" secretKey: c\n", first), "the other fields of this entry"],
    ["a mebibyte at the column of the dash", 1 << 20, lines("secretPath: b\n", "- objectName: a\n"), "is not indented"],
    ["a mebibyte of dashes", 1 << 20, lines("    - x: y\n   z: 1\n", "- objectName: a\n"), "is indented by 4 spaces"],
    ["braces on one line", 1 << 18, lines("{{}}", "- a: {{}}"), "has {{ … }} without quotes; put it in quotes"],
    ["documents", 1 << 18, lines("---\n- objectName: a\n   secretPath: b\n"), "is indented by 3 spaces"],
  ])(
    "%s",
    (_what, bytes, make, message) => {
      const took = (text: string) => {
        const startedAt = threadCpuMs();
        const documents = readYaml(text, ownFileBounds);
        const ms = threadCpuMs() - startedAt;
        for (const { mistakes: told } of documents) expect(told).toHaveLength(1);
        expect(documents[0]!.mistakes[0]!.text).toContain(message);
        return ms;
      };
      took(make(bytes / 8));
      // Of eight times the text; what is quadratic takes sixty-four times as long.
      expect(took(make(bytes))).toBeLessThan(24 * took(make(bytes / 8)) + 500);
    },
    120_000,
  );
});
