import { expect, test } from "vitest";
import { sampleConnection } from "../../dev/testing/connection.js";
import { readClass } from "../mount/class-parameters.js";
import type { MountSpec } from "../mount/mount-spec.js";
import { allow } from "./allow.js";

const paths = ["kv/data/{{namespace}}/{{serviceAccount}}/*"];
const connection = sampleConnection();
const strict = { ...connection, policy: [{ ...connection.policy[0]!, paths }] };
const other = { ...strict, policy: [{ ...strict.policy[0]!, roles: ["db"] }] };

const { spec } = readClass(
  new Map([
    ["roleName", "web"],
    ["objects", "- {objectName: db, secretPath: kv/data/shop/web/db, secretKey: password}"],
  ]),
  60_000,
);

const mount = (namespace: string, serviceAccount: string) =>
  ({ class: spec, pod: { namespace, serviceAccount, name: "web-0", uid: "u" } }) as MountSpec;

test("a class that was allowed for one account is judged for each other, and by each connection", () => {
  for (let again = 0; again < 2; again += 1) {
    allow(mount("shop", "web"), strict);
    expect(() => allow(mount("shop", "api"), strict)).toThrow(/policy\.paths/);
    expect(() => allow(mount("web", "shop"), strict)).toThrow(/policy\.paths/);
    expect(() => allow(mount("shop", "web"), other)).toThrow(/policy\.roles/);
  }
});
