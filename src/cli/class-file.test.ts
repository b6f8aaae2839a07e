import { describe, expect, test } from "vitest";
import { readClassFile } from "./class-file.js";

function remarksOf(text: string): string[] {
  return readClassFile(text).remarks.map(({ offset, message }) => {
    const lines = text.slice(0, offset).split("\n");
    return `${lines.length}:${lines.at(-1)!.length + 1}: ${message}`;
  });
}

const top = "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata:\n  name: web\n";
const spec = `${top}spec:\n  provider: vault\n  parameters:\n    roleName: web\n`;
const objects = `${spec}    objects: |\n      - objectName: a\n        secretPath: b\n        template: "{{ user }}"\n`;

const mistakes: readonly [string, string, string][] = [
  [
    "a field at the top too far right",
    `kind: SecretProviderClass\n metadata:\n  name: web\nspec: {}\n`,
    "2:2: the YAML is indented by 1 space; the first top-level field is not indented",
  ],
  [
    "all but the first line at the top too far left",
    ` ${spec}`,
    "2:1: the YAML is not indented; the first top-level field is indented by 1",
  ],
  [
    "spec beside the fields of metadata",
    `${top} spec:\n  provider: vault\n`,
    "5:2: the YAML is indented by 1 space; the first field of metadata is indented by 2, and the fields around it are not indented",
  ],
  [
    "parameters too far right",
    `${top}spec:\n  provider: vault\n   parameters:\n    roleName: web\n    objects: ""\n`,
    "7:4: the YAML is indented by 3 spaces; the first field of spec is indented by 2",
  ],
  [
    "a parameter too far left",
    `${spec}   objects: |\n      - objectName: a\n        template: "{{ user }}"\n`,
    "9:4: the YAML is indented by 3 spaces; the first field of parameters is indented by 4, and the fields around it are indented by 2",
  ],
  [
    "a parameter too far right, below a comment",
    `${spec}\n    # the role's\n     vaultNamespace: team # {{\n`,
    "11:6: the YAML is indented by 5 spaces; the first field of parameters is indented by 4",
  ],
  [
    "objects at the column of their key",
    `${spec}    objects: |\n    - objectName: a\n      template: "{{ user }}"\n    vaultNamespace: team\n`,
    "10:5: the YAML is indented by 4 spaces; the text of objects must be indented by at least 5",
  ],
  [
    "a field of an object that leaves the text",
    `${objects}     secretKey: c\n      - objectName: d\n`,
    "13:6: the YAML is indented by 5 spaces; the text of objects is indented by 6, and the fields around it are indented by 4",
  ],
  [
    "an entry of objects that leaves the text",
    `${objects}    - objectName: c\n      secretPath: d\n`,
    "13:5: the YAML is indented by 4 spaces; the text of objects is indented by 6",
  ],
  [
    "a field of a synced Secret",
    `${objects}  secretObjects:\n    - secretName: web\n     type: Opaque\n`,
    '15:6: the YAML is indented by 5 spaces; the first field of this entry is indented by 6, its "- " included, and the fields around it are indented by 2',
  ],
  [
    "an entry of data",
    `${objects}  secretObjects:\n    - secretName: web\n      data:\n      - objectName: a\n        key: b\n       - objectName: c\n`,
    "18:8: the YAML is indented by 7 spaces; the first entry of data is indented by 6",
  ],
  [
    "the line ends of Windows",
    `${spec}     vaultNamespace: team\n`.replaceAll("\n", "\r\n"),
    "9:6: the YAML is indented by 5 spaces; the first field of parameters is indented by 4",
  ],
  [
    "a second document",
    `${objects}---\n${spec}     vaultNamespace: team\n`,
    "22:6: the YAML is indented by 5 spaces; the first field of parameters is indented by 4",
  ],
  ["a tab", `${spec}\tobjects: "{{"\n`, "9:1: the YAML is indented with a tab; YAML takes spaces only"],
];

describe("a mistake of indentation is one remark, which asks for no Helm:", () => {
  test.each(mistakes)("%s", (_what, text, remark) => {
    expect(remarksOf(text)).toEqual([remark]);
  });
});

describe("what a Helm template may be is called so:", () => {
  const helm = "; is it a Helm template? Render it first: helm template .";
  test.each([
    [
      "a value",
      spec.replace("web\nspec", "{{ .Release.Name }}\nspec"),
      "4:9",
      "has {{ … }} without quotes; put it in quotes",
    ],
    [
      "a part of a value",
      spec.replace("web\nspec", "{{ .Values.x }}-web\nspec"),
      "4:9",
      "has {{ … }} without quotes; put it in quotes",
    ],
    [
      "a line",
      `${top}spec:\n  {{- with .Values.spec }}\n  provider: vault\n  {{- end }}\n`,
      "6:5",
      "starts a block inside […] or {…}",
    ],
  ])("%s", (_what, text, place, found) => {
    expect(remarksOf(text)).toEqual([`${place}: the YAML ${found}${helm}`]);
  });
});
