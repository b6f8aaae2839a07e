import { describe, expect, test } from "vitest";
import {
  answering,
  emptyBody,
  erring,
  hanging,
  html,
  loginWithoutAuth,
  redirecting,
  reset,
  resetMidBody,
  truncated,
} from "../../dev/vault/faults.js";
import type { Mounting } from "../driver/mount-request.js";
import { spellingsOf } from "../../dev/testing/canary-spellings.js";
import { startProvider, type TestProvider, webPod } from "../../dev/testing/start-provider.js";

/** Odd characters make the spellings differ. */
const value = 'canary-value "ü"/3p>%';
const argument = 'canary-argument "ü"/4x+&';
const key = Buffer.from("canary-key-material-32-bytes-!!!");

const good = "- {objectName: app, secretPath: kv/data/canary, secretKey: password}";
const issue = `- {objectName: app, secretPath: kv1/echo, method: POST, secretArgs: {plaintext: ${JSON.stringify(argument)}}}`;

interface Branch {
  parameters?: Record<string, string>;
  change?: Partial<Mounting>;
  timeoutMs?: number;
  before?: (provider: TestProvider) => void;
}

const fault =
  (path: string | RegExp, ...fault: Parameters<TestProvider["vault"]["vault"]["fault"]>[1][]) =>
  (provider: TestProvider) =>
    fault.forEach((one) => provider.vault.vault.fault({ path }, one));

const login = "auth/kubernetes/login";
const read = "kv/data/canary";
const echo = JSON.stringify({
  errors: [`${value} ${argument}`],
  data: { password: value },
  auth: { client_token: value },
});

const branches: [string, Branch][] = [
  ["a good mount", {}],
  ["an issue with arguments", { parameters: { objects: issue } }],
  [
    "an issue refused with its arguments quoted",
    { parameters: { objects: issue }, before: fault("kv1/echo", erring(400, `bad input: ${argument}`)) },
  ],
  ["a missing key", { parameters: { objects: good.replace("password", "pasword") } }],
  ["a value that is not base64", { parameters: { objects: good.replace("}", ", encoding: base64}") } }],
  ["a value that is not hex", { parameters: { objects: good.replace("}", ", encoding: hex}") } }],
  ["a missing path", { parameters: { objects: good.replace("canary", "none") } }],
  ["a denied path", { parameters: { objects: good.replace("kv/data/canary", "secret/forbidden") } }],
  ["a path policy denies", { parameters: { objects: good.replace("kv/data/canary", "sys/mounts") } }],
  ["another address", { parameters: { objects: good, vaultAddress: "https://evil.example" } }],
  ["a wrong role", { parameters: { objects: good, roleName: "nobody" } }],
  ["broken YAML", { parameters: { objects: `- {objectName: app, secretArgs: {a: ${JSON.stringify(argument)}` } }],
  [
    "arguments that are no map",
    {
      parameters: {
        objects: `- {objectName: a, secretPath: kv1/a, method: PUT, secretArgs: ${JSON.stringify(argument)}}`,
      },
    },
  ],
  [
    "an unknown field with a value",
    { parameters: { objects: good.replace("}", `, odd: ${JSON.stringify(argument)}}`) } },
  ],
  ["no token", { change: { tokens: {} } }],
  ["a Secret of the driver's", { change: { secrets: { password: value } } }],
  ["a login Vault refuses in its own words", { before: fault(login, erring(400, `claims: ${value}`)) }],
  ["a login without auth", { before: fault(login, loginWithoutAuth()) }],
  ["a login that hangs", { before: fault(login, hanging()), timeoutMs: 1_200 }],
  [
    "a login that is redirected",
    { before: fault(login, redirecting(`https://evil.example/${encodeURIComponent(value)}`)) },
  ],
  ["a read that says too much in a 400", { before: fault(read, answering(400, echo)) }],
  ["a read that says too much in a 403", { before: fault(read, answering(403, echo)) }],
  ["a read that says too much in a 404", { before: fault(read, answering(404, echo)) }],
  ["a read that says too much in a 500", { before: fault(read, answering(500, echo)) }],
  ["a read that says too much in a 503", { before: fault(read, answering(503, echo)) }],
  ["HTML with a value", { before: fault(read, answering(200, `<p>${value}</p>`)) }],
  ["HTML", { before: fault(read, html(502)) }],
  ["an empty body", { before: fault(read, emptyBody()) }],
  ["half an answer", { before: fault(read, truncated()) }],
  ["a reset", { before: fault(read, reset()) }],
  ["a reset in the middle", { before: fault(read, resetMidBody()) }],
  ["a sealed Vault", { before: ({ vault }) => void (vault.vault.node.status.sealed = true) }],
];

describe("nothing secret is in any output", () => {
  test.each(branches)("after %s", async (_name, { parameters = { objects: good }, change = {}, timeoutMs, before }) => {
    const provider = await startProvider({ key });
    await provider.vault.admin.putSecret("canary", { password: value });
    const jwt = provider.vault.mint();
    before?.(provider);
    const tokens = { vault: { token: jwt, expirationTimestamp: "2100-01-01T00:00:00Z" } };

    const outcome = await provider.mount(parameters, { pod: webPod, tokens, ...change }, timeoutMs);

    const [metrics, ready] = [await provider.page("/metrics"), await provider.page("/readyz")];
    const outputs = [
      provider.logText(),
      outcome.ok ? [...outcome.versions].join() : outcome.message,
      metrics.text,
      ready.text,
    ];
    const vaultTokens = provider.vault.vault.log.all.map(({ headers }) => headers["x-vault-token"]).filter(isText);
    const [header, payload, signature] = jwt.split(".") as [string, string, string];
    const canaries = { value, argument, key: key.toString("latin1"), header, payload, signature };
    for (const [kind, canary] of [
      ...Object.entries(canaries),
      ...vaultTokens.map((token) => ["token", token] as const),
    ]) {
      for (const spelling of spellingsOf(canary)) {
        for (const output of outputs)
          expect(output.includes(spelling), `${kind} as ${spelling} in ${output}`).toBe(false);
      }
    }
  });

  test("and the search would find it", async () => {
    const provider = await startProvider({ key });
    await provider.vault.admin.putSecret("canary", { password: value });
    const outcome = await provider.mount({ objects: good });
    const files = outcome.ok
      ? outcome.files.map(({ contents }) => Buffer.from(contents).toString("base64")).join()
      : "";
    expect(spellingsOf(value).some((spelling) => files.includes(spelling))).toBe(true);
  });
});

function isText(header: unknown): header is string {
  return typeof header === "string" && header !== "";
}
