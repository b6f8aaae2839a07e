import { expect, test } from "vitest";
import { type TokenOwner, ownerKey } from "./owner-key.js";

const owner: TokenOwner = {
  connection: "eu",
  vaultNamespace: "team",
  authMount: "kubernetes",
  role: "web",
  audience: "vault",
  namespace: "shop",
  serviceAccount: "web",
  serviceAccountUid: "sa-1",
  podUid: "uid-1",
  parametersDigest: "digest",
};

test.each(Object.keys(owner) as (keyof TokenOwner)[])("another %s is another key", (part) => {
  expect(ownerKey({ ...owner, [part]: "other" })).not.toBe(ownerKey(owner));
});

test("no pod is another key than any pod", () => {
  const { podUid: _, ...account } = owner;
  expect(ownerKey(account)).not.toBe(ownerKey({ ...owner, podUid: "" }));
  expect(ownerKey(account)).not.toBe(ownerKey({ ...owner, podUid: "null" }));
});

test("text cannot move from one part to the next", () => {
  expect(ownerKey({ ...owner, connection: 'eu","team' })).not.toBe(ownerKey(owner));
  expect(ownerKey({ ...owner, connection: "eut", vaultNamespace: "eam" })).not.toBe(ownerKey(owner));
});
