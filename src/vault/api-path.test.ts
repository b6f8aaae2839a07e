import { expect, test } from "vitest";
import { escapePath } from "./api-path.js";

test.each([
  ["kv/data/team-a/app_1", "kv/data/team-a/app_1"],
  ["kv", "kv"],
  ["kv/data/a b", "kv/data/a%20b"],
  ["kv/data/v1.2", "kv/data/v1.2"],
  ["kv/data/é", "kv/data/%C3%A9"],
  ["kv/data/a?b#c%2f", "kv/data/a%3Fb%23c%252f"],
  ["kv/data/a\n", "kv/data/a%0A"],
  ["kv/data/a\\b", "kv/data/a%5Cb"],
])("the path %j goes out as %s", (path, sent) => {
  expect(escapePath(path)).toBe(sent);
});

test.each(["", "/", "kv//a", "/kv/a", "kv/a/", "kv/./a", "kv/..", "..", "kv/\ud800"])(
  "the path %j is refused",
  (path) => {
    expect(() => escapePath(path)).toThrow('a Vault path has no empty step and no step "." or ".."');
  },
);
