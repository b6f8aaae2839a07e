import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { operatorFile } from "../../config/configuration-file.js";
import { Redacted } from "../../shared/redacted.js";
import type { AuthMethod } from "./auth-method.js";
import { authMethods } from "./auth-methods.js";

const role = { authMount: "k8s/prod", role: "web" };

describe.each<[string, AuthMethod]>(Object.entries(authMethods))("%s", (name, method) => {
  test("logs in at its mount, with the token in a body that cannot be printed", () => {
    const request = method.login(role, new Redacted("canary"));
    expect(request.path).toMatch(/^auth\/k8s\/prod\/login/);
    expect(JSON.stringify(request.body.reveal())).toContain("canary");
    expect(inspect(request) + JSON.stringify(request)).not.toContain("canary");
  });

  test("says nothing of errors that are not its own", () => {
    expect(method.explain(403, ["permission denied"], role)).toBeUndefined();
    expect(method.probe(["permission denied"])).toBeUndefined();
  });

  test("is a method that a connection may name", () => {
    const auth = { mount: "k8s/prod", method: name };
    const parsed = operatorFile.parse({ connections: { main: { addresses: ["https://vault:8200"], auth } } });
    expect(parsed.connections["main"]?.auth.method).toBe(name);
  });
});
