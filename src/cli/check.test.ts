import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ProviderError } from "../shared/errors.js";
import { checkCommand } from "./check.js";
import { builtWorker } from "../../dev/testing/built-worker.js";
import type { CommandIo } from "./command-io.js";

const worker = await builtWorker();
const never = new AbortController().signal;

async function check(
  files: Record<string, string>,
  argv: readonly string[] = Object.keys(files),
  colours = false,
  signal: AbortSignal = never,
) {
  const written = { stdout: "", stderr: "" };
  const io: CommandIo = {
    program: "keymount",
    stdout: { write: (text) => (written.stdout += text), colours },
    stderr: { write: (text) => (written.stderr += text), colours },
    readFile: async (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
      return text;
    },
    readDirectory: async (path) => {
      if (path === "locked") throw Object.assign(new Error("no"), { code: "EACCES" });
      const within = Object.keys(files).filter((file) => file.startsWith(`${path}/`));
      const names = new Set(within.map((file) => file.slice(path.length + 1).split("/")[0]!));
      const isDirectory = (name: string) => files[`${path}/${name}`] === undefined;
      return within.length === 0 ? undefined : [...names].map((name) => ({ name, isDirectory: isDirectory(name) }));
    },
  };
  return { code: await checkCommand(worker).run(argv, io, signal), ...written };
}

async function remarks(file: string): Promise<string[]> {
  const { stdout } = await check({ f: file });
  return stdout.split("\n").filter((line) => line !== "");
}

const head = `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: web}
spec:
  provider: vault
  parameters:
    roleName: web
`;

const good = `${head}    objects: |
      - objectName: db/password
        secretPath: secret/data/db
        secretKey: password
        filePermission: 0444
      - {objectName: tls.pem, secretPath: pki/issue/web, method: PUT, secretArgs: {common_name: web.shop}}
  secretObjects:
    - secretName: db
      type: Opaque
      labels: {app: web}
      data: [{objectName: db/password, key: password}]
`;

test("a class without mistakes gives exit code 0", async () => {
  expect(await check({ "web.yaml": good })).toEqual({
    code: 0,
    stdout: "",
    stderr: "1 class checked: no mistakes, no warnings\n",
  });
});

test("every mistake is reported at once, with its position in the file", async () => {
  const file = `# classes of the shop
${head.replace("roleName", "roelName")}    refreshInterval: soon
    objects: |
      # a comment, indented

      - objectName: ../x
        secretPath: secret/data/db
        secretKye: password

      - objectName: b
        secretPath: a/../b
        filePermission: 644
        template: "{{ x"
`;
  expect(await check({ "web.yaml": file })).toEqual({
    code: 1,
    stdout: [
      "web.yaml:7:3: roleName is missing; it is the Vault role to log in with",
      "web.yaml:8:5: roelName is not a parameter; did you mean roleName?",
      'web.yaml:9:5: refreshInterval "soon" is not a duration; write it like 30s, 10m or 1h30m',
      'web.yaml:13:21: objects[0] "../x": objectName holds a step ".."; the file must stay inside the volume',
      'web.yaml:15:20: objects[0] "../x": secretKye is not a field of an object; did you mean secretKey?',
      'web.yaml:18:21: objects[1] "b": secretPath holds a step "." or ".."; write the path out',
      'web.yaml:19:25: objects[1] "b": filePermission "644" is not within 0000 and 0777 (did you mean 0644?)',
      'web.yaml:20:20: objects[1] "b": template "{{ x" is not closed',
      "",
    ].join("\n"),
    stderr: "1 class checked: 8 mistakes, no warnings\n",
  });
});

test.each(["roleName", "vaultNamespace", "vaultAuthMountPath", "audience"])(
  "%s from a Helm template that is not rendered is a warning",
  async (name) => {
    const line = `${name}: "{{ .Values.x }}"`;
    const file = good.replace("roleName: web", name === "roleName" ? line : `roleName: web\n    ${line}`);
    expect(await check({ f: file })).toMatchObject({
      code: 0,
      stdout: `f:${positionOf(file, line)}: warning: ${name} "{{ .Values.x }}" is a template that is not rendered; render the chart first (helm template)\n`,
    });
  },
);

test("an address that no Mount could use is a warning, for an installation may leave it unread", async () => {
  const objects = "    objects: |\n      - {objectName: a, secretPath: secret/data/a, secretKey: b}\n";
  const { code, stdout } = await check({ f: `${head}    vaultAddress: vault.example\n${objects}` });
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout:
      "f:8:5: warning: vaultAddress must start with https://, http:// or unix://; a Mount is refused unless the configuration says classAddress: use-default\n",
  });
});

test("an auth mount with the path of its logins is a warning: a mount may be called so", async () => {
  const objects = "    objects: |\n      - {objectName: a, secretPath: secret/data/a, secretKey: b}\n";
  const { code, stdout } = await check({ f: `${head}    vaultAuthMountPath: auth/kubernetes/login\n${objects}` });
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout:
      "f:8:5: warning: vaultAuthMountPath ends with /login, which is where its logins go; write the mount's path without it\n",
  });
});

test("a command that is stopped while it checks thousands of classes ends between two of them", async () => {
  const stopping = new AbortController();
  const objects = "    objects: |\n      - {objectName: a, secretPath: secret/data/a, secretKey: b}\n";
  const file = Array(1_000).fill(`${head}${objects}`).join("---\n");
  const checking = check({ f: file }, ["f"], false, stopping.signal);
  setImmediate(() => stopping.abort(new ProviderError("cancelled", "stopped by SIGINT")));
  expect(await checking).toMatchObject({ code: 1, stderr: expect.stringContaining("stopped by SIGINT") as string });
});

/** Where a text stands in a file, found by searching for it. */
function positionOf(file: string, needle: string): string {
  const lines = file.split("\n");
  const line = lines.findIndex((one) => one.includes(needle));
  return `${line + 1}:${lines[line]!.indexOf(needle) + 1}`;
}

describe("a place inside objects, however they are written", () => {
  test.each<[string, string]>([
    ["a literal block", "|\n      - objectName: a\n        secretPath: b\n        method: BREW\n"],
    [
      "a literal block with an indentation of its own",
      "|2-\n      - objectName: a\n        secretPath: b\n        method: BREW\n",
    ],
    [
      "a literal block that starts with blank lines and a comment",
      "| # here\n\n\n      # BR\n      - objectName: a\n        secretPath: b\n        method: BREW\n",
    ],
    ["a folded block", ">\n      [{objectName: a, secretPath: b,\n      method: BREW}]\n"],
    ["double quotes with escapes", '"- objectName: \\"a\\"\\n  secretPath: \\x62\\n  method: BREW\\n"\n'],
    ["double quotes over lines", '"[{objectName: a,\n      secretPath: b, \\\n      method: BREW}]"\n'],
    ["single quotes", "'[{objectName: ''a'', secretPath: b, method: BREW}]'\n"],
  ])("%s", async (_name, written) => {
    const file = `${head}    objects: ${written}`;
    const [first] = await remarks(file);
    expect(first).toMatch(`f:${positionOf(file, "BREW")}: objects[0] "a": method "BREW" is not a method of Vault`);
  });

  test("a list where a string must be is one mistake", async () => {
    const file = `${head}    objects: [{objectName: a}]\n`;
    expect(await remarks(file)).toEqual([
      `f:${positionOf(file, "[{")}: parameter objects must be a string; write "objects: |" and indent what follows`,
    ]);
  });

  test("also with the line ends of Windows", async () => {
    const file =
      `${head}    objects: |\n      - objectName: a\n        secretPath: b\n        method: BREW\n`.replaceAll(
        "\n",
        "\r\n",
      );
    expect((await remarks(file))[0]).toMatch(/^f:11:17: /);
  });

  test("and where the YAML itself is broken", async () => {
    const file = `${head}    objects: |\n      - objectName: a\n       secretPath: b\n`;
    expect(await remarks(file)).toEqual([
      'f:10:8: objects, line 2, column 2: is indented by 1 space; the first field of this entry is indented by 2, its "- " included',
    ]);
  });
});

describe("what is issued and may end", () => {
  const warned = async (fields: string) => {
    const said = await remarks(`${head}    objects: |\n      - {objectName: a, ${fields}}\n`);
    return said.filter((line) => line.includes("write lifetime: 30m"));
  };

  test("is warned of, where its method is", async () => {
    const fields = "secretPath: plugin/x/app, method: POST";
    const file = `${head}    objects: |\n      - {objectName: a, ${fields}}\n`;
    expect(await warned(fields)).toEqual([
      `f:${positionOf(file, "POST")}: warning: objects[0] "a": what plugin/x/app issues (method: POST) is replaced before its end if the answer tells it, and kept if not; write lifetime: 30m, if it ends after so long`,
    ]);
  });

  test.each([
    ["sources: {x: {secretPath: plugin/x, method: PUT}}, template: '{{ x.y }}'", 1],
    ["secretPath: plugin/x, method: PUT, lifetime: 1h", 0],
    ["secretPath: plugin/x", 0],
    ["secretPath: plugin/x, method: LIST", 0],
    ...[
      "pki/issue/web",
      "team/pki/issuer/default/issue/web",
      "pki/sign/web",
      "ssh/sign/app",
      "ssh/issue/app",
      "transit/decrypt/app",
      "transit/encrypt/app",
      "transit/datakey/plaintext/app",
      "transit/sign/app/sha2-256",
      "transform/decode/app",
      "kubernetes/creds/app",
      "aws/sts/app",
      "ldap/library/app/check-out",
      "gcp/roleset/app/token",
      "spiffe/role/app/mintjwt",
      "auth/approle/role/app/secret-id",
      "auth/token/create",
      "secret/data/app",
    ].map((path): [string, number] => [`secretPath: ${path}, method: PUT`, 0]),
  ])("%s: %i warnings", async (fields, warnings) => {
    expect(await warned(fields)).toHaveLength(warnings);
  });
});

describe("secretObjects", () => {
  const start = good.slice(0, good.indexOf("  secretObjects"));

  test.each<[string, string, [string, string][]]>([
    [
      "a file that objects do not name",
      "- {secretName: a, type: Opaque, data: [{objectName: db/pasword, key: p}]}",
      [["db/pasword", 'data[0]: objectName "db/pasword" is no file of objects; did you mean "db/password"?']],
    ],
    [
      "missing fields",
      "- {data: [{ }]}",
      [
        ["{data", ": secretName is missing"],
        ["{data", ": type is missing; write type: Opaque"],
        ["{ }", ".data[0]: objectName is missing"],
        ["{ }", ".data[0]: key is missing; it is the key in the Secret"],
      ],
    ],
    [
      "no data",
      "- {secretName: a, type: Opaque}",
      [["{secretName", ": data is missing; list which file goes into which key"]],
    ],
    [
      "a misspelt field",
      "- {secretNmae: b, secretName: a, type: Opaque, data: [{objectName: db/password, key: p}]}",
      [["secretNmae", ': "secretNmae" is not a field; did you mean secretName?']],
    ],
    [
      "other keys in a TLS Secret",
      "- {secretName: a, type: kubernetes.io/tls, data: [{objectName: db/password, key: cert}]}",
      [
        ["{objectName: db", ": a Secret of type kubernetes.io/tls needs the key tls.crt and the key tls.key"],
        ["cert}", 'data[0]: a Secret of type kubernetes.io/tls takes the keys tls.crt and tls.key, not "cert"'],
      ],
    ],
    [
      "half of a TLS Secret",
      "- {secretName: a, type: kubernetes.io/tls, data: [{objectName: db/password, key: tls.crt}]}",
      [["{objectName: db", ": a Secret of type kubernetes.io/tls needs the key tls.key"]],
    ],
    ...[
      ["kubernetes.io/dockercfg", ".dockercfg"],
      ["kubernetes.io/ssh-auth", "ssh-privatekey"],
      ["kubernetes.io/basic-auth", "username or the key password"],
    ].map(([type, key]): [string, string, [string, string][]] => [
      `a ${type} without its key`,
      `- {secretName: a, type: ${type}, data: [{objectName: db/password, key: x}]}`,
      [["{objectName: db", `: a Secret of type ${type} needs the key ${key}`]],
    ]),
    [
      "a type that Kubernetes does not know",
      "- {secretName: a, type: kubernetes.io/tsl, data: [{objectName: db/password, key: x}]}",
      [["kubernetes.io/tsl", ': Kubernetes knows no type "kubernetes.io/tsl"; did you mean kubernetes.io/tls?']],
    ],
    [
      "a service account's token",
      "- {secretName: a, type: kubernetes.io/service-account-token, data: [{objectName: db/password, key: x}]}",
      [
        [
          "kubernetes.io/service",
          ": a Secret of type kubernetes.io/service-account-token needs the annotation kubernetes.io/service-account.name",
        ],
      ],
    ],
    [
      "a name that is none",
      "- {secretName: My_Secret, type: Opaque, data: [{objectName: db/password, key: x}]}",
      [
        [
          "My_Secret",
          ': secretName "My_Secret" is not the name of a Secret (lower-case letters, digits, "-" and ".", at most 253)',
        ],
      ],
    ],
    [
      "a folder",
      "- {secretName: a, type: Opaque, data: [{objectName: db/, key: x}]}",
      [["db/,", '.data[0]: objectName "db/" is a folder; name one of the files in it']],
    ],
    [
      "a registry Secret without its key",
      "- {secretName: a, type: kubernetes.io/dockerconfigjson, data: [{objectName: db/password, key: x}]}",
      [["{objectName: db", ": a Secret of type kubernetes.io/dockerconfigjson needs the key .dockerconfigjson"]],
    ],
    [
      "a key twice",
      "- {secretName: a, type: Opaque, data: [{objectName: db/password, key: p}, {objectName: db/password, key: p }]}",
      [["p }", 'data[1]: key "p" is there twice; the last one counts']],
    ],
  ])("names %s", async (_name, sync, expected) => {
    const file = `${start}  secretObjects:\n    ${sync}\n`;
    const found = await remarks(file);
    expect(found).toEqual(expected.map(() => expect.any(String) as string));
    for (const [index, [needle, message]] of expected.entries()) {
      const at = positionOf(file.replace(start, start.replace(/[^\n]/g, " ")), needle);
      expect(found[index]!.replace("warning: ", "")).toContain(`f:${at}: secretObjects[0]`);
      expect(found[index]).toContain(message);
    }
  });

  test("names a Secret that is there twice, and fields that stand in the wrong place", async () => {
    const data = "data: [{objectName: db/password, key: x}]";
    const secret = `    - {secretName: a, type: Opaque, ${data}}\n`;
    const twice = await remarks(`${start}  secretObjects:\n${secret}${secret}`);
    expect(twice).toEqual([
      expect.stringContaining('secretObjects[1]: secretName "a" is there twice; the driver') as string,
    ]);
    const misplaced = await remarks(`${start}    secretObjects:\n  ${secret}`);
    expect(misplaced).toEqual([
      expect.stringContaining("secretObjects belongs under spec, beside parameters") as string,
    ]);
  });

  test("warns of a file that may be left out: the Secret is not written then", async () => {
    const file = `${head}    objects: |\n      - {objectName: a, secretPath: b, optional: true}\n  secretObjects: [{secretName: a, type: Opaque, data: [{objectName: a, key: a}]}]\n`;
    expect(await remarks(file)).toEqual([expect.stringContaining('"a" is optional: while it is missing') as string]);
  });

  test.each<[string, string, string]>([
    ["an issued object", "pki/issue/web, method: PUT", "is issued by the request (method: PUT)"],
    ["a leased object", "database/creds/app", "is a lease"],
    ["a minted object", "identity/oidc/token/web", "is a token of the pod's identity"],
    ["a minted object of a Vault namespace", "team/identity/oidc/token/web", "is a token of the pod's identity"],
    [
      "a template over a leased source",
      'secret/data/a, template: "{{ db.username }}", sources: {db: {secretPath: database/creds/app}}',
      "is a lease",
    ],
  ])("warns of %s, which is no mistake", async (_name, path, why) => {
    const file = `${head}    objects: |\n      - {objectName: a, secretPath: ${path}}\n  secretObjects: [{secretName: a, type: Opaque, data: [{objectName: a, key: a}]}]\n`;
    const { code, stdout } = await check({ f: file });
    expect(code).toBe(0);
    expect(stdout).toContain(`f:10:69: warning: secretObjects[0].data[0]: "a" ${why}, so each pod has its own`);
  });

  test.each([
    "transit/decrypt/app, method: PUT",
    "database/static-creds/app",
    "identity/oidc/role/web",
    "secret/data/identity/oidc/token/of/web",
  ])("does not warn of %s", async (path) => {
    const file = `${head}    objects: |\n      - {objectName: a, secretPath: ${path}}\n  secretObjects: [{secretName: a, type: Opaque, data: [{objectName: a, key: a}]}]\n`;
    expect(await remarks(file)).toEqual([]);
  });
});

describe("rolloutOnChange", () => {
  const volume = "{name: s, csi: {driver: secrets-store.csi.k8s.io, volumeAttributes: {secretProviderClass: web}}}";
  const workload = (annotations: string, { pod = "", namespace = "", volumes = volume, kind = "Deployment" } = {}) =>
    `kind: ${kind}
metadata: {name: shop, annotations: {${annotations}}${namespace && `, namespace: ${namespace}`}}
spec: {template: {metadata: {annotations: {${pod}}}, spec: {volumes: [${volumes}]}}}
`;
  const leased = (fields = "", parameters = "", more = "") =>
    `${head}${parameters}    objects: |
      - {objectName: fixed, secretPath: secret/data/a}
      - {objectName: user, secretPath: database/creds/app, secretKey: username${fields}}
      - {objectName: pass, secretPath: database/creds/app, secretKey: password${fields}}
${more}`;
  const auto = 'secretproviderclass.reloader.stakater.com/auto: "true"';
  const search = 'reloader.stakater.com/search: "true"';
  const reload = (names: string) => `secretproviderclass.reloader.stakater.com/reload: "${names}"`;
  const exclude = 'secretproviderclasses.exclude.reloader.stakater.com/reload: "other, web"';
  const hint = "objects: pass, user: made for each pod, so Reloader rolls";
  const said = async (one: string, other: string) => (await check({ "class.yaml": one, "app.yaml": other })).stdout;

  test.each<[string, string, string]>([
    ["annotated for all classes that it mounts", workload(auto), "Deployment shop"],
    [
      "annotated for everything",
      workload('reloader.stakater.com/auto: "true"', { kind: "StatefulSet" }),
      "StatefulSet shop",
    ],
    ["annotated for the class by name", workload(reload("other, web"), { volumes: "" }), "Deployment shop"],
    ["whose pods are annotated", workload("", { pod: auto }), "Deployment shop"],
    ["of the same namespace as far as it is known", workload(auto, { namespace: "shop" }), "Deployment shop"],
  ])("warns once of credentials that roll a workload %s", async (_name, file, name) => {
    const stdout = await said(leased(), file);
    expect(stdout).toMatch(
      new RegExp(`^class.yaml:10:9: warning: ${hint} ${name} whenever one pod's is replaced; .*\n$`),
    );
    expect(await said(file, leased())).toContain(`app.yaml:10:9: warning: ${hint}`);
  });

  test.each<[string, string, string]>([
    [
      "the workload is of another namespace",
      leased().replace("name: web", "name: web, namespace: a"),
      workload(auto, { namespace: "b" }),
    ],
    ["no workload is annotated", leased(), workload("")],
    ["another class is named", leased(), workload(reload("other"))],
    ["the class is excluded", leased(), workload(`${auto}, ${exclude}`)],
    ["the workload mounts another class", leased(), workload(auto, { volumes: volume.replace("web", "other") })],
    ["the workload's own annotations decide", leased(), workload(search, { pod: auto })],
    ["the objects say what they want", leased(", rolloutOnChange: true"), workload(auto)],
    ["the objects do without", leased(", rolloutOnChange: false"), workload(auto)],
    ["the class says what it wants", leased("", '    rolloutOnChange: "true"\n'), workload(auto)],
    ["the class does without", leased("", '    rolloutOnChange: "false"\n'), workload(auto)],
    ["its secrets are the same for all pods", good, workload(auto)],
  ])("does not where %s", async (_name, one, other) => {
    expect(await said(one, other)).not.toContain("Reloader");
  });

  const synced = "  secretObjects: [{secretName: a, type: Opaque, data: [{objectName: fixed, key: a}]}]\n";

  test("counts further workloads", async () => {
    expect(await said(leased(), `${workload(auto)}---\n${workload(auto)}`)).toContain(
      "rolls Deployment shop and 1 more whenever",
    );
  });

  test("says nothing of Reloader where Secrets are made, which follow the versions", async () => {
    expect(await said(leased("", "", synced), workload(auto))).toBe("");
  });

  test("warns of a Secret that follows late", async () => {
    const { code, stdout } = await check({ f: leased("", '    rolloutOnChange: "false"\n', synced) });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^f:13:69: warning: secretObjects\[0\]\.data\[0\]: "fixed" has rolloutOnChange: false, so .* five minutes late\n$/,
    );
  });
});

describe("filePermission", () => {
  const moded = (mode: string) =>
    `${head}    objects: |\n      - {objectName: a, secretPath: b, filePermission: ${mode}}\n`;

  test.each([
    ["0400", "root"],
    ["0600", "root"],
    ["0700", "root"],
    ["0440", "root and the group 0"],
    ["0640", "root and the group 0"],
    ["0750", "root and the group 0"],
    ["288", "root and the group 0"],
  ])("%s warns that only %s can read the file", async (mode, readers) => {
    const { code, stdout } = await check({ f: moded(mode) });
    expect(code).toBe(0);
    expect(stdout).toContain(`lets only ${readers} read the file`);
    expect(stdout).toContain(`f:${positionOf(moded(mode), `${mode}}`)}: warning: objects[0] "a": filePermission 0`);
  });

  test.each(["0444", "0644", "0755", "0604", "0"])("%s is nothing to warn of", async (mode) => {
    expect(await remarks(moded(mode))).toEqual([]);
  });
});

describe("files", () => {
  const other = "kind: ConfigMap\n---\n";

  test("with several documents and lists: what is of another kind is skipped with a note", async () => {
    const list = `kind: List\nitems:\n- ${good.replace("{name: web}", "{name: api}").replaceAll("\n", "\n  ").trimEnd()}\n`;
    const { code, stderr } = await check({ f: `${other}${good}---\n${list}` });
    expect(code).toBe(0);
    expect(stderr).toBe(
      "f:1: skipped, ConfigMap is not SecretProviderClass\n2 classes checked: no mistakes, no warnings\n",
    );
  });

  test("of a typed list: its items take their kind from it", async () => {
    const item = `- ${good.split("\n").slice(2).join("\n  ").trimEnd()}`;
    const list = `apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClassList\nitems:\n${item}\n`;
    expect(await check({ f: list })).toMatchObject({ code: 0, stderr: "1 class checked: no mistakes, no warnings\n" });
  });

  const azure = `kind: SecretProviderClass
metadata: {name: vaulted}
spec:
  provider: azure
  parameters: {keyvaultName: shop, objects: "array: [objectName: x]"}
`;

  test("with classes of other providers: those are skipped with a note", async () => {
    const { code, stdout, stderr } = await check({ f: `${azure}---\n${good}` });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toBe("f:1: skipped, its provider is azure\n1 class checked: no mistakes, no warnings\n");
    expect(JSON.parse((await check({ f: azure }, ["f", "--json"])).stdout)).toMatchObject({
      files: [{ classes: [], skipped: [{ kind: "SecretProviderClass", provider: "azure", line: 1 }], remarks: [] }],
    });
  });

  test("with classes of other providers only give exit code 0: there is nothing wrong with them", async () => {
    expect(await check({ f: azure })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("its provider is azure") as string,
    });
  });

  test("with a provider of any other name: it may be an operator's for keymount, and is checked", async () => {
    expect(await remarks(azure.replace("azure", "openbao-eu"))).toContainEqual(expect.stringContaining("keyvaultName"));
  });

  test.each([
    [[], 0],
    [["--require"], 1],
  ])("without any class, checked with %j, give exit code %i", async (flags, code) => {
    expect(await check({ f: other }, ["f", ...flags])).toMatchObject({
      code,
      stderr: expect.stringContaining("no classes checked") as string,
    });
  });

  test("are named as kubectl takes them, too", async () => {
    expect(await check({ f: good, g: good }, ["-f", "f", "--filename=g"])).toMatchObject({ code: 0 });
  });

  test("that are no YAML yet are reported once, with their likely kind", async () => {
    const helm = good.replace("kind: SecretProviderClass", "{{- if .Values.db }}\nkind: SecretProviderClass");
    expect(await remarks(`${helm}{{- end }}\n`)).toEqual([
      expect.stringMatching(/the YAML .*; is it a Helm template\? Render it first: helm template \.$/) as string,
    ]);
  });

  test("that are not there give exit code 2", async () => {
    expect(await check({}, ["x.yaml"])).toMatchObject({
      code: 2,
      stderr: "keymount check: cannot read x.yaml: there is no such file\n",
    });
  });

  test("that cannot be read hide nothing of the others", async () => {
    const mistaken = good.replace("PUT", "BREW");
    expect(await check({ f: mistaken }, ["x.yaml", "locked", "f"])).toMatchObject({
      code: 2,
      stdout: expect.stringContaining("BREW") as string,
      stderr: expect.stringContaining(
        "keymount check: cannot read x.yaml: there is no such file; cannot read locked: permission denied\n",
      ) as string,
    });
  });

  test("that are not YAML are reported with the position", async () => {
    expect(await remarks("kind: SecretProviderClass\n\tspec: {}\n")).toEqual([
      expect.stringMatching(/^f:2:1: the YAML is/),
    ]);
  });

  test.each<[string, string, RegExp]>([
    ["no spec", "kind: SecretProviderClass\n", /f:1:1: spec is missing/],
    ["no provider", head.replace("  provider: vault\n", ""), /f:4:1: spec\.provider is missing/],
    ["no parameters", "kind: SecretProviderClass\nspec: {provider: vault}\n", /spec\.parameters must be a map/],
    ...["yes", "off", "y", "0x1f", "1_000", "~"].map((text): [string, string, RegExp] => [
      `a parameter that kubectl reads as no string: ${text}`,
      `${head}    vaultNamespace: ${text}\n`,
      /f:8:21: parameter vaultNamespace must be a string; put it in quotes/,
    ]),
    [
      "a parameter that is no string",
      `${head}    vaultSkipTLSVerify: true\n`,
      /f:8:25: parameter vaultSkipTLSVerify must be a string; put it in quotes/,
    ],
  ])("with %s", async (_name, file, message) => {
    expect((await remarks(file)).join("\n")).toMatch(message);
  });
});

describe("a class that is there twice", () => {
  const inShop = good.replace("{name: web}", "{namespace: shop, name: web}");
  const list = (file: string) =>
    `apiVersion: v1\nkind: List\nitems:\n${file.replaceAll(/^/gm, "  ").replaceAll("  apiVersion", "- apiVersion")}`;

  test.each<[string, string, string[]]>([
    ["in two documents", `${good}---\n${good}`, ["f:22:18: the class web is there twice, first at f:3:18; keep one"]],
    [
      "in two documents, with a namespace",
      `${inShop}---\n${good}---\n${inShop}`,
      ["f:41:35: the class shop/web is there twice, first at f:3:35; keep one"],
    ],
    [
      "three times",
      `${good}---\n${good}---\n${good}`,
      [
        "f:22:18: the class web is there twice, first at f:3:18; keep one",
        "f:41:18: the class web is there twice, first at f:3:18; keep one",
      ],
    ],
    ["in a list", list(good + good), ["f:24:20: the class web is there twice, first at f:6:20; keep one"]],
    ["by its name only", `${good}---\n${inShop}`, []],
  ])("in one file is a mistake: %s", async (_what, text, expected) => {
    expect((await check({ f: text })).code).toBe(expected.length > 0 ? 1 : 0);
    expect(await remarks(text)).toEqual(expected);
  });

  test("in two files is a warning", async () => {
    expect(await check({ "base/web.yaml": good, "overlay/web.yaml": `# theirs\n${good}` })).toMatchObject({
      code: 0,
      stdout:
        "overlay/web.yaml:4:18: warning: the class web is at base/web.yaml:3:18, too; applied to one cluster, the later replaces the other\n",
    });
  });

  test("is none where the file is named twice", async () => {
    expect(await check({ f: good }, ["f", "f"])).toMatchObject({ code: 0, stdout: "" });
  });
});

describe("configuration files", () => {
  const configuration = "events: true\nconnections:\n  main: {addresses: [https://vault:8200]}\n";

  test("are known by their shape, and checked", async () => {
    expect(await check({ f: configuration, g: good })).toEqual({
      code: 0,
      stdout: "",
      stderr: "1 class and 1 configuration file checked: no mistakes, no warnings\n",
    });
    expect(await check({ f: configuration.replace("true", "maybe") })).toEqual({
      code: 1,
      stdout: 'f:1:1: events: "maybe" must be true or false\n',
      stderr: "1 configuration file checked: 1 mistake, no warnings\n",
    });
  });

  test.each<[string, string, string]>([
    [
      "connections",
      "conections:\n  main: {addresses: [https://vault:8200]}\n",
      "f:1:1: conections: is not a setting; did you mean connections?\n",
    ],
    [
      "connections and addresses",
      "conections:\n  main: {adresses: [https://vault:8200]}\n",
      "f:1:1: conections: is not a setting; did you mean connections?\n",
    ],
    [
      "connections, beside what is no setting",
      "conections:\n  main: {addresses: [https://vault:8200]}\nowner: shop\n",
      "f:1:1: conections: is not a setting; did you mean connections?\nf:3:1: owner: is not a setting; here are:",
    ],
    [
      "other settings, without connections",
      "keySecret: keymount-key\nevents: true\npodwatch: true\n",
      "f:3:1: podwatch: is not a setting; did you mean podWatch?\n",
    ],
  ])("are known with misspelt %s", async (_what, text, message) => {
    expect(await check({ f: text })).toMatchObject({ code: 1, stdout: expect.stringContaining(message) as string });
  });

  test("are not taken for what has no kind without a word", async () => {
    expect((await check({ f: "vaults: {}\n" })).stderr).toContain(
      "f:1: skipped, it has no kind, and is no configuration file (one document with connections)\n",
    );
  });

  test("are no classes to --require", async () => {
    expect(await check({ f: configuration }, ["f", "--require"])).toMatchObject({ code: 1 });
  });

  test.each([
    ["values of a chart", "replicas: 1\nevents: maybe\n"],
    [
      "values of keymount's own chart",
      readFileSync(new URL("../../deploy/chart/values.yaml", import.meta.url), "utf8"),
    ],
    ["some of these values", "logLevel: loud\npodWatch: true\nvault: {address: https://vault:8200}\n"],
    ["another program's connection", "connection: {host: db, port: 5432}\n"],
    ["another program's connection with a pool", "connection: {host: db, pool: {max: 10}}\n"],
    ["Jekyll's collections", "title: x\ncollections: {docs: {output: true}}\n"],
    ["a word that is near to a setting", "event: maybe\n"],
    ["another resource", `kind: ConfigMap\n${configuration}`],
    ["several documents", `${configuration}---\nevents: maybe\n`],
    ["nothing", ""],
    ["a list", "- events\n"],
  ])("are not %s", async (_name, text) => {
    expect(await check({ f: text })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("no classes") as string,
    });
  });
});

describe("directories", () => {
  const tree: Record<string, string> = {
    "d/b.yml": good,
    "d/a.yaml": good,
    "d/c.json": "{}",
    "d/notes.txt": "x: [",
    "d/below/z.yaml": good,
    "e/notes.txt": "",
  };

  test.each<[string[], string[]]>([
    [["d"], ["d/a.yaml", "d/b.yml", "d/c.json"]],
    [
      ["-f", "d"],
      ["d/a.yaml", "d/b.yml", "d/c.json"],
    ],
    [
      ["-R", "d"],
      ["d/a.yaml", "d/b.yml", "d/below/z.yaml", "d/c.json"],
    ],
    [["--recursive", "-f", "d/below"], ["d/below/z.yaml"]],
    [["e"], []],
    [["e/notes.txt"], ["e/notes.txt"]],
  ])("%j are the files that kubectl reads", async (argv, expected) => {
    const { stdout } = await check(tree, [...argv, "-o", "json"]);
    const { files } = JSON.parse(stdout) as { files: { file: string }[] };
    expect(files.map(({ file }) => file)).toEqual(expected);
  });

  const nothing = "no classes checked: no mistakes, no warnings\n";
  const directoriesToo = "e: no .yaml, .yml or .json file in it; -R reads its directories\n";
  const required = "no class found, which --require asks for\n";
  test.each<[string[], number, string]>([
    [["e"], 0, `${directoriesToo}${nothing}`],
    [["e", "-R"], 0, `e: no .yaml, .yml or .json file in it\n${nothing}`],
    [["e", "--require"], 1, `${directoriesToo}${nothing}${required}`],
  ])("%j without a file that could have a class gives exit code %i, and is told", async (argv, code, stderr) => {
    expect(await check(tree, argv)).toMatchObject({ code, stderr });
  });

  test("that cannot be read give exit code 2", async () => {
    expect(await check({}, ["locked"])).toMatchObject({
      code: 2,
      stderr: "keymount check: cannot read locked: permission denied\n",
    });
  });
});

describe("usage", () => {
  test.each<[string, string[]]>([
    ["no file", []],
    ["an unknown option", ["--yaml", "f"]],
  ])("%s gives exit code 2", async (_name, argv) => {
    expect(await check({}, argv)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("see keymount check --help") as string,
    });
  });

  test("--help gives exit code 0", async () => {
    expect(await check({}, ["--help"])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: /) as string });
  });

  test("--json gives one object of a stable shape", async () => {
    const { code, stdout } = await check({ f: `kind: ConfigMap\n---\n${good.replace("PUT", "BREW")}` }, [
      "--json",
      "f",
    ]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      files: [
        {
          file: "f",
          classes: ["web"],
          skipped: [{ kind: "ConfigMap", line: 1 }],
          remarks: [
            {
              level: "mistake",
              line: 15,
              column: 66,
              class: "web",
              message: expect.stringContaining("BREW") as string,
            },
            {
              level: "mistake",
              line: 15,
              column: 84,
              class: "web",
              message: expect.stringContaining("secretArgs is not sent") as string,
            },
          ],
        },
      ],
      mistakes: 2,
      warnings: 0,
    });
  });

  test("colour is for terminals only", async () => {
    const file = good.replace("PUT", "BREW");
    expect((await check({ f: file }, ["f"], true)).stdout).toContain("\u001b[");
    expect((await check({ f: file }, ["f"], false)).stdout).not.toContain("\u001b[");
  });
});

describe("templates", () => {
  const templated = (...lines: string[]) => `${head}    objects: |\n${lines.map((line) => `      ${line}\n`).join("")}`;

  test("a template that is well has no remark", async () => {
    const text = templated(
      "- objectName: pgpass",
      "  secretPath: database/creds/app",
      '  template: "{{ config.host }}:{{ username }}:{{ data.password | pgpass_escape }}"',
      "  sources: {config: {secretPath: secret/data/app}}",
    );
    expect(await remarks(text)).toEqual([]);
  });

  test("a parse error is reported with its position in the file", async () => {
    const text = templated(
      "- objectName: app.conf",
      "  secretPath: secret/data/app",
      "  template: |",
      "    user={{ user }}",
      "    pass={{ pass | nope }}",
    );
    expect(await remarks(text)).toEqual(['f:13:16: objects[0] "app.conf": template the filter nope is not known']);
  });

  test.each(["optional: true", "default: plain"])("a Go template is a mistake, also with %s", async (field) => {
    const text = templated(
      "- objectName: app.conf",
      "  secretPath: secret/data/app",
      `  ${field}`,
      "  template: |",
      "    user={{ user }}",
      "    pass={{ .Data.data.password }}",
    );
    const { code, stdout } = await check({ f: text });
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: `f:14:16: objects[0] "app.conf": template "{{ .Data.data.password }}": this is a Go template; keymount's are Liquid: {{ password }}, {% if … %}, docs/migration.md#templates-side-by-side\n`,
    });
  });

  test("the entry is named by its index in the list", async () => {
    const text = templated("- ", "- objectName: app.conf", '  template: "{{ x"', "  secretPath: secret/data/app");
    expect(await remarks(text)).toContainEqual(
      expect.stringContaining('objects[1] "app.conf": template "{{ x" is not closed'),
    );
  });

  test("keys with a dot, where Liquid reads a step", async () => {
    const text = templated(
      "- objectName: own",
      "  secretPath: secret/data/app",
      "  template: |",
      "    {{ tls.crt }}{{ data.tls.key }}{{ root-ca.pem }}",
      "- objectName: both",
      '  template: "{{ web.tls.crt }}"',
      "  sources: {web: {secretPath: secret/data/web}}",
      "- objectName: well",
      "  template: \"{{ data['tls.crt'] }}{{ api.key }}{{ tls.crt.x }}{{ web.crt }}{{ web['tls.crt'] }}\"",
      "  secretPath: secret/data/app",
      "  sources: {web: {secretPath: secret/data/web}}",
    );
    const own = 'warning: objects[0] "own": template has';
    expect(await remarks(text)).toEqual([
      `f:12:14: ${own} "tls.crt", which is the key crt of a map tls; a key with a dot is written data["tls.crt"]`,
      `f:12:27: ${own} "data.tls.key", which is the key key of a map tls; a key with a dot is written data["tls.key"]`,
      `f:12:45: ${own} "root-ca.pem", which is the key pem of a map root-ca; a key with a dot is written data["root-ca.pem"]`,
      'f:14:23: warning: objects[1] "both": template has "web.tls.crt", which is the key crt of a map tls; a key with a dot is written web["tls.crt"]',
    ]);
  });

  test("metadata that KV v2 does not have", async () => {
    const text = templated(
      "- objectName: own",
      "  secretPath: secret/data/app",
      "  template: |",
      "    {{ meta.version }}{{ meta.custom_metadata.owner }}{{ data.meta.any }}{{ meta }}",
      "    {{ meta.versoin }}{{ db.meta.owner }}{{ login.meta.version }}",
      "  sources: {db: {secretPath: secret/data/db}, login: {secretPath: database/creds/app}}",
    );
    const has = "version, created_time, deletion_time, destroyed, custom_metadata";
    const unless = `unless the secret has a key meta, that is the metadata of KV v2: ${has}`;
    expect(await remarks(text)).toEqual([
      `f:13:14: warning: objects[0] "own": template has "meta.versoin"; ${unless} (did you mean meta.version?)`,
      `f:13:32: warning: objects[0] "own": template has "db.meta.owner"; ${unless}`,
      expect.stringContaining('template has "login.meta"; such an answer usually has: username'),
    ]);
  });

  test("a provider that differs from the usual one in its case alone", async () => {
    const text = templated("- {objectName: a, secretPath: secret/data/a, secretKey: b}");
    const said = "warning: spec.provider is the name of a socket, here Vault.sock; did you mean vault?";
    expect(await remarks(text.replace("provider: vault", "provider: Vault"))).toEqual([expect.stringContaining(said)]);
  });

  test("metadata of a path that is not of KV v2", async () => {
    const text = templated(
      "- objectName: own",
      "  secretPath: secret/app",
      '  template: "{{ meta.version }}{{ db.meta.custom_metadata.ownr }}"',
      "  sources: {db: {secretPath: team/kv/data/db}}",
    );
    expect(await remarks(text)).toEqual([
      'f:11:23: warning: objects[0] "own": template has "meta"; unless the secret has a key meta, there is none: only KV v2 says so of a secret, and its paths have data/ after the mount',
    ]);
  });

  test("variables that no secret gives, and keys that such an answer does not have", async () => {
    const text = templated(
      "- objectName: alone",
      '  template: "{{ db.user }} {{ other }}"',
      "  sources: {db: {secretPath: database/creds/app}}",
      "- objectName: own",
      "  secretPath: pki/issue/web",
      "  template: |",
      "    {{ certficate }}{{ data.key }}",
    );
    const usually = "such an answer usually has: ";
    const database = "username, password, rsa_private_key, client_certificate, private_key, private_key_type";
    const pki = "certificate, issuing_ca, ca_chain, serial_number, expiration, private_key, private_key_type";
    expect(await remarks(text)).toEqual([
      `f:10:23: warning: objects[0] "alone": template has "db.user"; ${usually}${database}`,
      'f:10:37: objects[0] "alone": template has "other", which is none of the sources (db); a secret of the object\'s own needs secretPath',
      `f:15:14: warning: objects[1] "own": template has "certficate"; ${usually}${pki} (did you mean certificate?)`,
      `f:15:30: warning: objects[1] "own": template has "data.key"; ${usually}${pki}`,
    ]);
  });
});
