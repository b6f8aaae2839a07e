import { expect, test } from "vitest";
import { CredentialPaths } from "./credential-paths.js";

test.each([
  ["database/creds/app", true],
  ["team/aws/sts/deploy", true],
  ["database/static-creds/app", false],
  ["secret/data/app", false],
])("%s makes a credential, as far as its words tell: %s", (path, makes) => {
  expect(new CredentialPaths().makesCredentials("main", "", path)).toBe(makes);
});

test.each<[string, string, string, string, boolean]>([
  ["the same path", "main", "", "odd/thing/app", true],
  ["another path of the engine", "main", "", "odd/thing/other", false],
  ["another role where roles are", "main", "", "database/creds/other", true],
  ["the same of another Vault namespace", "main", "ns", "odd/thing/app", false],
  ["the same of another connection", "dr", "", "odd/thing/app", false],
])("an answer with a lease tells of %s", (_what, connection, namespace, path, tells) => {
  const paths = new CredentialPaths();
  expect(paths.hasMade(connection, namespace, path)).toBe(false);
  paths.learn("main", "", "odd/thing/app");
  paths.learn("main", "", "database/creds/app");
  expect(paths.hasMade(connection, namespace, path)).toBe(tells);
});

test("an answer without one corrects it", () => {
  const paths = new CredentialPaths();
  paths.learn("main", "", "odd/thing");
  paths.forget("main", "", "odd/thing");
  expect(paths.hasMade("main", "", "odd/thing")).toBe(false);
});

test("only so many are remembered, those asked about last", () => {
  const paths = new CredentialPaths();
  for (let n = 0; n < 4096; n += 1) paths.learn("main", "", `p/${n}`);
  expect(paths.hasMade("main", "", "p/0")).toBe(true);
  paths.learn("main", "", "p/more");
  expect([0, 1, 2].map((n) => paths.hasMade("main", "", `p/${n}`))).toEqual([true, false, true]);
});
