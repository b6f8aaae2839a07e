import { expect, test } from "vitest";
import { type TokenOwner, tokenKey } from "./token-key.js";

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
};

test.each(Object.keys(owner) as (keyof TokenOwner)[])("another %s is another key", (part) => {
  expect(tokenKey({ ...owner, [part]: "other" })).not.toBe(tokenKey(owner));
});

test("no pod is another key than any pod", () => {
  const { podUid: _, ...account } = owner;
  expect(tokenKey(account)).not.toBe(tokenKey({ ...owner, podUid: "" }));
  expect(tokenKey(account)).not.toBe(tokenKey({ ...owner, podUid: "null" }));
});

test("text cannot move from one part to the next", () => {
  expect(tokenKey({ ...owner, connection: 'eu","team' })).not.toBe(tokenKey(owner));
  expect(tokenKey({ ...owner, connection: "eut", vaultNamespace: "eam" })).not.toBe(tokenKey(owner));
});
