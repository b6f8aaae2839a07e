import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { ServiceAccountIssuer } from "../../vault/service-account-issuer.js";
import { systemClock } from "../../../src/shared/clock.js";
import type { Data } from "../../vault/answer.js";
import { aUuid, expectAnswer, expectNothing, expectRefusal } from "./ask.js";
import type { Suite, ContractContext } from "./suite.js";

const principal = {
  namespace: "shop",
  serviceAccount: "web",
  pod: { name: "web-0", uid: "11111111-2222-3333-4444-555555555555" },
  audiences: ["vault"],
};

const now = () => Math.floor(Date.now() / 1_000);

export const jwtLogin: Suite = (context, { answered, aBatchToken, grantOf }) => {
  describe("login by jwt", () => {
    let vault: ContractContext;
    const grant = (change: Data) => grantOf({ entity_id: aUuid, orphan: true, ...change });
    const logIn = (role: string, jwt: string) => vault.ask("POST", "auth/jwt/login", { body: { role, jwt } });
    const claims = (change: Data = {}) => ({ ...vault.underTest.issuer.claims(principal), ...change });
    const signed = (change: Data = {}) => vault.underTest.issuer.sign(claims(change));
    const role = {
      role_type: "jwt",
      bound_audiences: ["vault"],
      user_claim: "sub",
      bound_claims: { "/kubernetes.io/namespace": "shop" },
      claim_mappings: { "/kubernetes.io/pod/name": "pod" },
      token_policies: ["app"],
      token_ttl: "1h",
      token_max_ttl: "2h",
    };
    beforeAll(async () => {
      vault = context();
      await vault.must("POST", "sys/auth/jwt", { type: "jwt" });
      await vault.must("POST", "auth/jwt/config", { jwt_validation_pubkeys: [vault.underTest.issuer.publicKeyPem] });
      expectNothing(await vault.root("POST", "auth/jwt/role/web", role));
    });

    test("lets in whom the role fits, and notes the claims it maps", async () => {
      const auth = grant({ metadata: { pod: "web-0", role: "web" } });
      expectAnswer(await logIn("web", signed()), answered({ auth }));
    });

    test("gives batch tokens, few uses, periods, and no default policy when the role says so", async () => {
      await vault.must("POST", "auth/jwt/role/batch", { ...role, claim_mappings: {}, token_type: "batch" });
      const batch = { client_token: aBatchToken, accessor: "", renewable: false, token_type: "batch" };
      const auth = grant({ ...batch, metadata: { role: "batch" } });
      expectAnswer(await logIn("batch", signed()), answered({ auth }));

      const odd = { token_num_uses: 2, token_no_default_policy: true, token_period: "10m", token_ttl: 0 };
      await vault.must("POST", "auth/jwt/role/odd", { ...role, ...odd, token_max_ttl: 0, claim_mappings: {} });
      const few = { metadata: { role: "odd" }, policies: ["app"], token_policies: ["app"], num_uses: 2 };
      expectAnswer(await logIn("odd", signed()), answered({ auth: grant({ ...few, lease_duration: 600 }) }));
    });

    test.each<[string, () => { role: string; jwt: string }, string]>([
      ["an unknown role", () => ({ role: "nope", jwt: signed() }), 'role "nope" could not be found'],
      ["no role", () => ({ role: "", jwt: signed() }), "missing role"],
      ["no token", () => ({ role: "web", jwt: "" }), "missing token"],
      [
        "garbage",
        () => ({ role: "web", jwt: "garbage" }),
        "error validating token: error verifying token signature: go-jose/go-jose: compact JWS format must have three parts",
      ],
      [
        "a stranger's signature",
        () => ({ role: "web", jwt: new ServiceAccountIssuer(systemClock).sign(claims()) }),
        "error validating token: error verifying token signature: no known key successfully validated the token signature",
      ],
      [
        "an expired token",
        () => ({ role: "web", jwt: signed({ exp: now() - 1_000, nbf: now() - 2_000, iat: now() - 2_000 }) }),
        "error validating token: invalid expiration time (exp) claim: token is expired",
      ],
      [
        "a token of tomorrow",
        () => ({ role: "web", jwt: signed({ nbf: now() + 1_000 }) }),
        "error validating token: invalid not before (nbf) claim: token not yet valid",
      ],
      [
        "a token issued tomorrow",
        () => ({ role: "web", jwt: signed({ iat: now() + 1_000 }) }),
        "error validating token: invalid issued at (iat) claim: token issued in the future",
      ],
      [
        "a token without times",
        () => ({ role: "web", jwt: signed({ exp: undefined, nbf: undefined, iat: undefined }) }),
        "error validating token: no issued at (iat), not before (nbf), or expiration time (exp) claims in token",
      ],
      [
        "another audience",
        () => ({ role: "web", jwt: signed({ aud: ["other"] }) }),
        "error validating token: invalid audience (aud) claim: audience claim does not match any expected audience",
      ],
      [
        "another namespace",
        () => ({ role: "web", jwt: signed({ "kubernetes.io": { namespace: "else" } }) }),
        'error validating claims: claim "/kubernetes.io/namespace" does not match any associated bound claim values',
      ],
      [
        "no namespace",
        () => ({ role: "web", jwt: signed({ "kubernetes.io": undefined }) }),
        'error validating claims: claim "/kubernetes.io/namespace" is missing',
      ],
      ["no subject", () => ({ role: "web", jwt: signed({ sub: undefined }) }), 'claim "sub" not found in token'],
    ])("refuses %s", async (_, attempt, error) => {
      const { role: name, jwt } = attempt();
      expectRefusal(await logIn(name, jwt), 400, error);
    });

    test("gives no token to whom its networks leave out, and tells no more than that", async () => {
      await vault.must("POST", "auth/jwt/role/elsewhere", { ...role, token_bound_cidrs: ["192.0.2.0/24"] });
      expectRefusal(await logIn("elsewhere", signed()), 403, "permission denied");
    });

    test("refuses where no method is mounted, or it is not set up", async () => {
      expectRefusal(await vault.ask("POST", "auth/none/login", { body: {} }), 403, "permission denied");
      await vault.must("POST", "sys/auth/jwt-bare", { type: "jwt" });
      const body = { role: "web", jwt: signed() };
      expectRefusal(await vault.ask("POST", "auth/jwt-bare/login", { body }), 400, "could not load configuration");
    });

    test("refuses a role that is bound to nothing", async () => {
      const error = "must have at least one bound constraint when creating/updating a role";
      expectRefusal(
        await vault.root("POST", "auth/jwt/role/loose", { role_type: "jwt", user_claim: "sub" }),
        400,
        error,
      );
    });
  });
};

export const kubernetesLogin: Suite = (context, { answered, grantOf }) => {
  describe("login by kubernetes", () => {
    let vault: ContractContext;
    const grant = (change: Data) => grantOf({ entity_id: aUuid, orphan: true, ...change });
    const logIn = (role: string, jwt: string) => vault.ask("POST", "auth/kubernetes/login", { body: { role, jwt } });
    const claims = (change: Data = {}) => ({ ...vault.underTest.issuer.claims(principal), ...change });
    const signed = (change: Data = {}) => vault.underTest.issuer.sign(claims(change));
    const role = {
      bound_service_account_names: ["web"],
      bound_service_account_namespaces: ["shop"],
      audience: "vault",
      token_policies: ["app"],
      token_ttl: "1h",
      token_max_ttl: "2h",
    };
    const as = (namespace: string, serviceAccount: string) =>
      vault.underTest.issuer.mint({ ...principal, namespace, serviceAccount });
    beforeAll(async () => {
      vault = context();
      await vault.must("POST", "sys/auth/kubernetes", { type: "kubernetes" });
      await vault.must("POST", "auth/kubernetes/config", vault.underTest.kubernetesConfig);
      expectNothing(await vault.root("POST", "auth/kubernetes/role/web", role));
    });
    afterEach(() => vault.underTest.setApiServerDown(false));

    test("lets in whom the role names and the API server confirms", async () => {
      const metadata = {
        role: "web",
        service_account_name: "web",
        service_account_namespace: "shop",
        service_account_secret_name: "",
        service_account_uid: aUuid,
      };
      expectAnswer(await logIn("web", signed()), answered({ auth: grant({ metadata }) }));
    });

    test("takes the older names of what a role says of its tokens", async () => {
      const { token_policies: policies, token_ttl: ttl, token_max_ttl: max, ...rest } = role;
      expectNothing(await vault.root("POST", "auth/kubernetes/role/older", { ...rest, policies, ttl, max_ttl: max }));
      const metadata = {
        role: "older",
        service_account_name: "web",
        service_account_namespace: "shop",
        service_account_secret_name: "",
        service_account_uid: aUuid,
      };
      expectAnswer(await logIn("older", signed()), answered({ auth: grant({ metadata }) }));
    });

    test("takes any audience by a role that has none", async () => {
      const { audience: _, ...loose } = role;
      await vault.must("POST", "auth/kubernetes/role/loose", loose);
      expect((await logIn("loose", signed())).status).toBe(200);
    });

    test.each<[string, number, () => { role: string; jwt: string }, string]>([
      ["an unknown role", 400, () => ({ role: "nope", jwt: signed() }), 'invalid role name "nope"'],
      ["no role", 400, () => ({ role: "", jwt: signed() }), "missing role"],
      ["no token", 400, () => ({ role: "web", jwt: "" }), "missing jwt"],
      ["garbage", 403, () => ({ role: "web", jwt: "garbage" }), "permission denied"],
      [
        "another account",
        403,
        () => ({ role: "web", jwt: as("shop", "other") }),
        "service account name not authorized",
      ],
      ["another namespace", 403, () => ({ role: "web", jwt: as("other", "web") }), "namespace not authorized"],
      [
        "a token of no account",
        403,
        () => ({ role: "web", jwt: signed({ "kubernetes.io": undefined }) }),
        "service account name not authorized",
      ],
      [
        "another audience",
        403,
        () => ({ role: "web", jwt: signed({ aud: ["other"] }) }),
        "invalid audience (aud) claim: audience claim does not match any expected audience",
      ],
      [
        "an expired token",
        403,
        () => ({ role: "web", jwt: signed({ exp: now() - 1_000, nbf: now() - 2_000, iat: now() - 2_000 }) }),
        "invalid expiration time (exp) claim: token is expired",
      ],
      [
        "a token of tomorrow",
        403,
        () => ({ role: "web", jwt: signed({ nbf: now() + 1_000 }) }),
        "invalid not before (nbf) claim: token not yet valid",
      ],
      [
        "a stranger's signature",
        403,
        () => ({ role: "web", jwt: new ServiceAccountIssuer(systemClock).sign(claims()) }),
        "permission denied",
      ],
    ])("refuses %s", async (_, status, attempt, error) => {
      const { role: name, jwt } = attempt();
      expectRefusal(await logIn(name, jwt), status, error);
    });

    test("gives no token to whom its networks leave out, and tells no more than that", async () => {
      await vault.must("POST", "auth/kubernetes/role/elsewhere", { ...role, token_bound_cidrs: ["192.0.2.0/24"] });
      expectRefusal(await logIn("elsewhere", signed()), 403, "permission denied");
    });

    test("says no more than that while the API server cannot be asked", async () => {
      await vault.underTest.setApiServerDown(true);
      expectRefusal(await logIn("web", signed()), 403, "permission denied");
    });

    test("is not ready before it is set up", async () => {
      await vault.must("POST", "sys/auth/k8s-bare", { type: "kubernetes" });
      const body = { role: "web", jwt: signed() };
      expectRefusal(await vault.ask("POST", "auth/k8s-bare/login", { body }), 400, 'invalid role name "web"');
      await vault.must("POST", "auth/k8s-bare/role/web", role);
      const error = "could not load backend configuration";
      expectRefusal(await vault.ask("POST", "auth/k8s-bare/login", { body }), 500, error);
    });

    test("refuses a role without bound service accounts", async () => {
      const error =
        '"bound_service_account_namespaces" can not be empty if "bound_service_account_namespace_selector" is not set';
      const body = { bound_service_account_names: ["web"] };
      expectRefusal(await vault.root("POST", "auth/kubernetes/role/bad", body), 400, error);
    });
  });
};
