import { describe, expect, test } from "vitest";
import type { ClassOptions, ClassParameters } from "../../stack/application.js";
import { eventually } from "../../stack/eventually.js";
import { createFixture } from "../stack/fixture.js";

const { app, workloads, signal } = await createFixture("mistakes");
const { namespace, serviceAccount } = app;
const path = `secret/data/${namespace}/db`;

interface Mistake {
  readonly what: string;
  /** The class; its objects are the one right object, with these fields instead, unless `parameters` has others. */
  readonly fields?: object;
  readonly parameters?: ClassParameters;
  readonly options?: ClassOptions;
  /** Of the volume, beside its class. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly serviceAccount?: string;
  /** What the event says: what is wrong, and how to fix it where that is not obvious. */
  readonly says: readonly string[];
}

const right = { objectName: "password", secretPath: path, secretKey: "password" };
const another = `${namespace}-another`;

const mistakes: readonly Mistake[] = [
  // The volume and the class
  {
    what: "a class that is not there",
    attributes: { secretProviderClass: "no-such-class" },
    says: [`failed to get secretproviderclass ${namespace}/no-such-class`, "not found"],
  },
  {
    what: "a provider that has no socket on the node",
    options: { provider: "valut" },
    says: ["provider not found", '"valut"'],
  },
  {
    what: "no role",
    parameters: { roleName: undefined },
    says: ["roleName is missing; it is the Vault role to log in with"],
  },
  {
    what: "two spellings of the auth mount",
    parameters: { vaultAuthMountPath: "kubernetes", vaultKubernetesMountPath: "kubernetes" },
    says: ["vaultKubernetesMountPath and vaultAuthMountPath are both set; keep vaultAuthMountPath"],
  },
  {
    what: "a connection that the operator does not have",
    parameters: { connection: "nowhere" },
    says: ['connection "nowhere" is not in the configuration file', `namespace "${namespace}" may use: `],
  },
  {
    what: "a vaultAddress that no connection lists",
    parameters: { vaultAddress: "https://vault.elsewhere.example:8200" },
    says: [
      'no connection lists vaultAddress "https://vault.elsewhere.example:8200"',
      "leave it out to use connection",
      "aliases",
    ],
  },
  {
    what: "an unknown onDenied",
    parameters: { onDenied: "explode" },
    says: ['onDenied "explode" is not known; write keep or fail'],
  },
  // The login
  {
    what: "a role that Vault does not have",
    parameters: { roleName: "no-such-role" },
    says: [`Vault refused the login of ${namespace}/${serviceAccount}`, "auth/kubernetes has no role no-such-role"],
  },
  {
    what: "a service account that the role does not name",
    serviceAccount: "other",
    // The Go provider's own suite looks for Vault's text in the event.
    says: [
      `the login of ${namespace}/other`,
      `role ${namespace} at auth/kubernetes`,
      "(bound_service_account_names)",
      "service account name not authorized",
    ],
  },
  {
    what: "a role for another namespace",
    parameters: { roleName: another },
    says: [`role ${another} at auth/kubernetes`, "(bound_service_account_namespaces)"],
  },
  {
    what: "an audience that the role does not take",
    parameters: { audience: "shop" },
    says: ['(audience "shop")', `is not the one that the role ${namespace} at auth/kubernetes takes (audience)`],
  },
  {
    what: "an audience that the driver sends no token for",
    parameters: { audience: "nowhere" },
    says: [
      'no service account token for audience "nowhere" (it sent: ',
      "add to the spec of the CSIDriver object secrets-store.csi.k8s.io",
      'tokenRequests: [{audience: "nowhere"}]',
    ],
  },
  {
    what: "an auth mount that is not there",
    parameters: { vaultAuthMountPath: "nowhere" },
    says: ["Vault refused the login", "auth/nowhere does not exist"],
  },
  // What Vault has
  {
    what: "a secret that is not there",
    fields: { secretPath: `secret/data/${namespace}/nowhere` },
    says: [`password: nothing at secret/data/${namespace}/nowhere`],
  },
  {
    what: "a key that is not there",
    fields: { secretKey: "pasword" },
    says: [`no key "pasword" at ${path} (it has: hosts, password, text)`],
  },
  {
    what: "a JSON Pointer into nothing",
    fields: { secretKey: "/hosts/7" },
    says: [`nothing at "/hosts/7" in ${path} (there is a list of 2)`],
  },
  {
    what: "a deleted version",
    fields: { version: "1" },
    says: [`${path} version 1 was deleted at 20`, "undelete it or write a new version"],
  },
  {
    what: "a destroyed version",
    fields: { version: "2" },
    says: [`${path} version 2 was destroyed; write a new version`],
  },
  {
    what: "a path that the role may not read",
    fields: { secretPath: "secret/data/somebody-else/db" },
    says: [
      // How the kubelet and the driver wrap it, as docs/runbook.md has it.
      " : rpc error: code = PermissionDenied desc = failed to mount secrets store objects for pod ",
      ", err: rpc error: code = PermissionDenied desc = password: permission denied: GET secret/data/somebody-else/db",
      "the role's policies do not allow it",
    ],
  },
  {
    what: "a path of KV version 2 without data/",
    fields: { secretPath: `secret/${namespace}/db` },
    says: [
      `permission denied: GET secret/${namespace}/db`,
      `(secret is a KV version 2 engine, where data/ stands after the mount's name: ${path})`,
    ],
  },
  {
    what: "a value that is not in its encoding",
    fields: { secretKey: "text", encoding: "base64" },
    says: [`the value of text at ${path} is not valid base64; leave out encoding to write it as it is`],
  },
  // What the operator's policy has
  {
    what: "a path of Vault's own",
    fields: { secretPath: "sys/mounts" },
    says: [
      'the connection\'s policy does not allow this pod: object "password": path "sys/mounts" (denied as "sys/*")',
      "policy.deniedPaths",
    ],
  },
  {
    what: "a method that only administrators need",
    fields: { method: "DELETE" },
    says: ['object "password": method "DELETE"', "policy.methods"],
  },
  // The objects
  {
    what: "no objects",
    parameters: { objects: "" },
    says: ["objects is missing; list at least one object (- objectName: …)"],
  },
  {
    what: "objects that are no YAML",
    parameters: { objects: `- objectName: password\n  secretPath: "${path}\n  secretKey: password\n` },
    says: ["objects, line ", "lacks a character here (a quote, bracket, comma or colon that is not closed?)"],
  },
  {
    what: "objects that are no list",
    parameters: { objects: `objectName: password\nsecretPath: ${path}\n` },
    says: ['objects must be a list; start each entry with "- "'],
  },
  {
    what: "an object without a path in Vault",
    fields: { secretPath: undefined },
    says: ['objects[0] "password": secretPath is missing; it is the path of the secret in Vault'],
  },
  {
    what: "the same objectName twice",
    parameters: { objects: [right, { ...right, secretKey: "text" }] },
    says: ['objects[1] "password": objectName is also the path of objects[0]; each file needs its own'],
  },
  {
    what: "a file below a file",
    parameters: { objects: [right, { ...right, objectName: "password/old" }] },
    says: ['objects[1] "password/old": objectName lies below "password" of objects[0], which is a file'],
  },
  {
    what: "a file outside the volume",
    fields: { objectName: "../password" },
    says: ['objects[0] "../password": objectName holds a step ".."; the file must stay inside the volume'],
  },
  {
    what: "an absolute path",
    fields: { objectName: "/etc/passwd" },
    says: ['"/etc/passwd": objectName starts with a slash; the path is relative to the volume'],
  },
  {
    what: "a misspelt encoding",
    fields: { encoding: "base46" },
    says: ['encoding "base46" is not known; write one of utf-8, base64, base64url, hex'],
  },
  {
    what: "a mode whose zero is forgotten",
    fields: { filePermission: 644 },
    says: ['filePermission "644" is not within 0000 and 0777 (did you mean 0644?)'],
  },
  {
    what: "a method that Vault does not have",
    fields: { method: "FETCH" },
    says: ['method "FETCH" is not a method of Vault; write one of GET, LIST, POST, PUT, PATCH, DELETE'],
  },
  {
    what: "a keystore whose password is in the class",
    fields: { format: "pkcs12", secretKey: undefined, password: "hunter2" },
    says: ["password must not be in the class; name where it is in Vault: {secretKey: …}"],
  },
  {
    what: "a template with a variable that its secret does not have",
    fields: { secretKey: undefined, template: "user=app\npass={{ pasword }}" },
    says: ['the template, line 2, column 9: there is no "pasword" (there is: data, hosts, password, text)'],
  },
  {
    what: "a template with an unknown filter",
    fields: { secretKey: undefined, template: "{{ password | encrypt }}" },
    says: ["the template, line 1, column 1: the filter encrypt is not known"],
  },
  {
    what: "a template that never ends",
    fields: {
      secretKey: undefined,
      template:
        "{% for i in (1..9999) %}{% for j in (1..9999) %}{% for k in (1..9999) %}{% endfor %}{% endfor %}{% endfor %}",
    },
    says: ["the template, line 1, column", "takes too long, or too much memory"],
  },
  {
    what: "a duration that is none",
    fields: { refreshInterval: "soon" },
    says: ['refreshInterval "soon" is not a duration; write it like 30s, 10m or 1h30m'],
  },
  {
    what: "several mistakes at once, each of which is reported",
    parameters: {
      objects: [
        { ...right, encoding: "base46" },
        { ...right, objectName: "/x", method: "FETCH" },
      ],
    },
    says: ['encoding "base46"', 'objects[1] "/x": objectName', 'method "FETCH"'],
  },
];

/** Version 1 is deleted, version 2 destroyed, version 3 is what there is. */
async function prepare(): Promise<void> {
  const data = { password: "canary-hunter2", text: "canary: no base64", hosts: ["db-0", "db-1"] };
  for (let version = 1; version <= 3; version++) await app.vault.writeSecret(`${namespace}/db`, data);
  await app.vault.request("POST", `secret/delete/${namespace}/db`, { versions: [1] });
  await app.vault.request("PUT", `secret/destroy/${namespace}/db`, { versions: [2] });
  await app.kube.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "other", namespace } });
  const elsewhere = { namespaces: ["elsewhere"], serviceAccounts: ["*"], policies: ["default"], audience: "vault" };
  await app.vault.writeRole(another, elsewhere);
}

/** A pod with that mistake. */
async function podWith({ fields, parameters, options, attributes, serviceAccount }: Mistake): Promise<string> {
  const objects = [{ ...right, ...fields }];
  const secretProviderClass = await app.createClass({ objects, ...parameters }, options);
  const volumes = { secrets: { secretProviderClass, ...attributes } };
  return workloads.createPod({ volumes, ...(serviceAccount && { serviceAccount }) });
}

describe("an event of the pod says what is wrong, and the pod does not run", async () => {
  await prepare();
  const pods = await Promise.all(mistakes.map(podWith));

  test.each(mistakes.map((mistake, index) => [mistake.what, mistake.says, pods[index]!] as const))(
    "%s",
    async (_what, says, pod) => {
      const event = await eventually(() => mountEvent(pod), signal);

      for (const words of says) expect(event).toContain(words);
      expect(event).not.toContain("canary");
      const [{ status } = expect.fail("there is no such pod")] = await workloads.pods(pod);
      expect(status.phase).toBe("Pending");
      expect(status.containerStatuses?.filter(({ containerID }) => containerID) ?? []).toEqual([]);
    },
  );
});

test("a pod runs by itself once its class is corrected", async () => {
  const secretProviderClass = await app.createClass({ objects: [{ ...right, secretKey: "pasword" }] });
  const name = await workloads.createPod({ volumes: { secrets: { secretProviderClass } } });
  await eventually(() => mountEvent(name), signal);

  await app.replaceObjects(secretProviderClass, [right]);

  const [pod] = await workloads.running(name, 1, signal);
  expect(await pod?.texts("secrets")).toEqual({ password: "canary-hunter2" });
});

async function mountEvent(pod: string): Promise<string> {
  const events = await workloads.events(pod);
  const found = events.find((event) =>
    event.startsWith('Warning FailedMount: MountVolume.SetUp failed for volume "secrets"'),
  );
  if (found === undefined) throw new Error(`${pod} has no such event: ${events.join("; ")}`);
  return found;
}
