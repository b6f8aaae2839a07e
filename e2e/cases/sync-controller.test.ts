import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { createApplication } from "../stack/application.js";
import { auditedRequests } from "../stack/audit-log.js";
import { eventually } from "../stack/eventually.js";
import { createFixture } from "../stack/fixture.js";
import { KubeApi } from "../stack/kube-api.js";
import { startKeymount } from "../stack/keymount.js";
import { createKeymountAccount } from "../stack/keymount-account.js";
import { syncMount } from "../stack/sync-controller.js";

const { stack, node, app: first, signal } = await createFixture("sync-one", { driver: "1.6.0" });
const second = await createApplication(stack, "sync-two");
const pod = { name: "secrets-store-sync-controller-0", uid: randomUUID() };

const mountFor = ({ namespace, serviceAccount }: typeof first, owner = namespace) =>
  syncMount(node.provider().socket, first.kube, {
    pod,
    namespace,
    serviceAccount,
    parameters: {
      roleName: namespace,
      objects: stringify([{ objectName: "password", secretPath: `secret/data/${owner}/db`, secretKey: "password" }]),
    },
  });

test("two namespaces behind the controller's one pod each get their own secret, under their own identity", async () => {
  await first.vault.writeSecret(`${first.namespace}/db`, { password: "first's" });
  await second.vault.writeSecret(`${second.namespace}/db`, { password: "second's" });

  const answers = [await mountFor(first), await mountFor(second), await mountFor(first)];

  const texts = answers.map(({ files }) =>
    files.map(({ path, contents }) => `${path}: ${Buffer.from(contents).toString()}`),
  );
  expect(texts).toEqual([["password: first's"], ["password: second's"], ["password: first's"]]);
  for (const { namespace, serviceAccount } of [first, second]) {
    const asked = await auditedRequests(stack.vault.auditLog, namespace);
    expect(asked.map(({ what }) => what)).toEqual(["login", `read secret/data/${namespace}/db`]);
    expect(new Set(asked.map((request) => request.serviceAccount))).toEqual(
      new Set([`${namespace}/${serviceAccount}`]),
    );
  }
});

test("what one namespace was given is not another's to ask for", async () => {
  await mountFor(first);

  await expect(mountFor(second, first.namespace)).rejects.toThrow(/password/);
});

test("under the controller's own admission policy keymount says how to make its key, and starts once it is there", async () => {
  const kube = new KubeApi(stack.kubernetes);
  const account = await createKeymountAccount(kube, [
    { apiGroups: [""], resources: ["secrets"], verbs: ["get", "create", "watch"] },
  ]);
  await restrictSecrets(kube, account);
  const start = () =>
    startKeymount(
      stack,
      {
        provider: "sync",
        sockets: stack.directory,
        serviceAccount: account,
        flags: [`--vault-addr=${stack.vault.address}`, "--key-secret=keymount-key"],
        logs: join(stack.logs, account.name),
      },
      signal,
    );

  await expect(start()).rejects.toThrow(
    `kubectl -n ${account.namespace} create secret generic keymount-key --from-file=key`,
  );

  const metadata = { name: "keymount-key", namespace: account.namespace };
  const data = { key: randomBytes(32).toString("base64") };
  await kube.create({ apiVersion: "v1", kind: "Secret", metadata, data });
  const keymount = await start();
  onTestFinished(keymount.stop);
});

/** The policy of the controller's chart (templates/create_update_secrets_types.yaml), for an account of that name; resolves when it is in force. */
async function restrictSecrets(kube: KubeApi, { namespace, name }: { namespace: string; name: string }): Promise<void> {
  const apiVersion = "admissionregistration.k8s.io/v1";
  const username = `system:serviceaccount:${namespace}:${name}`;
  await kube.create({
    apiVersion,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name },
    spec: {
      failurePolicy: "Fail",
      matchConditions: [
        { name: "user-is-secrets-store-sync-controller", expression: `request.userInfo.username == '${username}'` },
      ],
      matchConstraints: {
        resourceRules: [
          { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["secrets"] },
        ],
      },
      variables: [
        {
          name: "hasOneSecretSyncOwner",
          expression:
            "(size(object.metadata.ownerReferences) == 1 && object.metadata.ownerReferences.all(o, o.kind == 'SecretSync' && o.apiVersion.startsWith('secret-sync.x-k8s.io/') && o.name == object.metadata.name))",
        },
      ],
      validations: [{ expression: "variables.hasOneSecretSyncOwner == true" }],
    },
  });
  await kube.create({
    apiVersion,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name },
    spec: { policyName: name, validationActions: ["Deny"] },
  });
  const { token } = await kube.token({ namespace, name });
  const controller = new KubeApi({ ...stack.kubernetes, token });
  let attempts = 0;
  await eventually(async () => {
    const attempt = { name: `attempt-${(attempts += 1)}`, namespace };
    await expect(controller.create({ apiVersion: "v1", kind: "Secret", metadata: attempt })).rejects.toThrow("denied");
  }, signal);
}
