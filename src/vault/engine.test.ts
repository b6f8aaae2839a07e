import { expect, test } from "vitest";
import { engineOf } from "./engine.js";

test.each([
  ["secret/data/app", "secret"],
  ["secret/app", "secret"],
  ["team/kv/data/app", "team/kv"],
  ["team/db/creds/app", "team/db"],
  ["database/creds/creds", "database"],
  ["data/data/app", "data"],
  ["pki/issue/web", "pki"],
  ["gcp/roleset/app/token", "gcp"],
  ["auth/kubernetes/login", "auth/kubernetes"],
  ["auth/k8s/prod/login", "auth/k8s/prod"],
  ["auth/token/lookup-self", "auth/token"],
  ["auth", "auth"],
  ["secret", "secret"],
])("%s is of %s", (path, engine) => expect(engineOf(path)).toBe(engine));
