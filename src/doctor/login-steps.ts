import type { Connection } from "../config/connection.js";
import type { CsiDriver } from "../kube/csi-driver.js";
import { makesCredential, reads } from "../mount/credential-path.js";
import { type ChosenToken, issuerOf } from "../mount/identity.js";
import { listSecrets } from "../mount/list-secrets.js";
import { type RenderContext, makeFiles } from "../mount/make-files.js";
import type { AnswerTo } from "../mount/secret-value.js";
import { filesInstead } from "../mount/make-objects.js";
import type { ObjectSpec, VaultRequest } from "../mount/mount-spec.js";
import { fetchPlanOf } from "../mount/object-requests.js";
import type { Renderer } from "../mount/ports.js";
import { requestKey } from "../mount/request-key.js";
import type { Clock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { withDeadline } from "../shared/join-signals.js";
import { OneByOne } from "../shared/one-by-one.js";
import { named, quoted } from "../shared/quoted.js";
import { MountLookup } from "../vault/mount-lookup.js";
import type { NodeHealth } from "../vault/node-health.js";
import type { Caller, VaultAnswer, VaultClient, VaultToken } from "../vault/vault-client.js";
import { type OtherRule, VaultError, type VaultErrorKind } from "../vault/vault-error.js";
import { type MountTarget, policyMistake } from "./class-steps.js";
import type { PodAccount } from "./input.js";
import { verifiesLoginAtRenewal } from "./openbao-releases.js";
import { Problem, type ProblemName, Skipped } from "./problems.js";
import type { CheckChain } from "./check-chain.js";
import type { CheckRunner, CheckResult } from "./check-runner.js";

/** An application at Vault's door. */
export interface LoginCheck {
  clock: Clock;
  client: VaultClient;
  renderer: Renderer;
  connection: Connection;
  target: MountTarget;
  account: PodAccount;
  readAll: boolean;
  /** Where it could be read. */
  driver?: CsiDriver | undefined;
  /** Of the node that was asked. */
  health?: Pick<NodeHealth, "product" | "version"> | undefined;
}

/** What all objects are read with. */
interface ObjectCheck extends LoginCheck {
  /** One for all, as a Mount has it: it remembers what it was told of a mount. */
  mounts: MountLookup;
}

/** Logs in, reads what the class names, and gives the token back; or says why not, where the path to here is blocked. */
export async function checkLogin(
  login: LoginCheck,
  chosen: ChosenToken,
  path: CheckChain,
  runner: CheckRunner,
): Promise<void> {
  const token = await path.check({
    step: "login",
    subject: `auth/${login.target.authMount}`,
    fallbackProblem: "login.failed",
    run: (signal) => logIn(login, chosen, signal),
  });
  const check = { ...login, mounts: new MountLookup(login) };
  try {
    await runner.each(login.target.spec.objects, (object, branch) => checkObject(check, token, object, path, branch));
  } catch (reason) {
    // Interrupted; a token that this does not reach ends by itself.
    if (token) await farewell(login, token);
    throw reason;
  }
  await path.check({
    step: "logout",
    fallbackProblem: "logout.failed",
    run: (signal) => logOut(login, token!, signal),
  });
}

const farewellMs = 2_000;

/** Revokes within two seconds by the clock, or leaves the token to its end. */
async function farewell(login: LoginCheck, token: VaultToken): Promise<void> {
  const late = () => new ProviderError("deadline_exceeded", "the revocation takes too long");
  const deadline = withDeadline(new AbortController().signal, farewellMs, late, login.clock);
  try {
    await revoke(login, token, deadline.signal);
  } catch {
    // It ends with its time.
  } finally {
    deadline.release();
  }
}

async function logIn(
  login: LoginCheck,
  { jwt, audience }: ChosenToken,
  signal: AbortSignal,
): Promise<CheckResult<VaultToken>> {
  const { client, connection, target, account } = login;
  const { vaultNamespace, authMount, role } = target;
  const serviceAccount = `${account.namespace}/${account.serviceAccount}`;
  const request = { vaultNamespace, authMount, role, serviceAccount, audience, jwt };
  const token = await client.login(connection, request, callerOf(login), signal).catch((reason: unknown) => {
    if (!(reason instanceof VaultError)) throw reason;
    if (reason.rule === "sentinel") throw new Problem("login.sentinel", reason.message);
    if (reason.kind === "protocol") throw new Problem("login.not-vault", reason.message);
    if (reason.kind === "quota") throw new Problem("login.quota", reason.message);
    if (reason.kind !== "login_denied") throw new Problem("login.failed", reason.message);
    if (!/\bissuer\b/.test(reason.message)) throw new Problem("login.denied", reason.message);
    throw new Problem("login.issuer", `${reason.message}; the token's issuer is ${quoted(issuerOf(jwt.reveal()))}`);
  });
  const life = token.ttlMs === undefined ? "that never ends" : `for ${token.ttlMs / 1000} s`;
  const uses = token.uses === undefined ? [] : [`it may be used ${token.uses} times`];
  return {
    value: token,
    facts: [`${serviceAccount} is given a ${token.type} token ${life}`, ...uses, ...renewedUntil(login, audience)],
  };
}

/** What OpenBao's renewals of a kubernetes login depend on. */
function renewedUntil({ connection, driver, health }: LoginCheck, audience: string): string[] {
  if (!health || connection.authMethod !== "kubernetes" || !verifiesLoginAtRenewal(health)) return [];
  const sent = driver?.tokenRequests.find((request) => request.audience === audience);
  const life = sent ? `${sent.expirationSeconds} s, by ` : "";
  return [
    `OpenBao ${health.version} renews it only until the service account token expires (${life}expirationSeconds in the CSIDriver object): ` +
      "then keymount logs in again, and its leases are replaced; a longer expirationSeconds or a mount of the jwt method spares that",
  ];
}

const problemOfKind: Partial<Record<VaultErrorKind, ProblemName>> = {
  denied: "object.denied",
  namespace: "object.namespace",
  missing: "object.absent",
  deleted: "object.absent",
  destroyed: "object.absent",
  refused: "object.refused",
  protocol: "object.not-vault",
  quota: "object.quota",
};

const problemOfRule: Record<OtherRule, ProblemName> = {
  sentinel: "object.sentinel",
  wrapping: "object.wrapped",
};

async function checkObject(
  check: ObjectCheck,
  token: VaultToken | undefined,
  object: ObjectSpec,
  path: CheckChain,
  runner: CheckRunner,
): Promise<void> {
  const subject = object.objectName;
  if (token) {
    const run = (signal: AbortSignal) => read(check, token, object, signal);
    await runner.check({ step: "object", subject, fallbackProblem: "object.failed", run });
  } else runner.skip("object", path.blockedBy!, subject);
}

/** What a file may have at most, as the daemon does by default. */
const responseBytes = 3.5 * 2 ** 20;

/** Reads it as a Mount does, and says how much there is; never what. */
async function read(
  check: ObjectCheck,
  token: VaultToken,
  object: ObjectSpec,
  signal: AbortSignal,
): Promise<CheckResult<true>> {
  const { client, renderer, connection, target, account, mounts } = check;
  if (policyMistake(target, connection, account, [object])) throw new Skipped("the connection's policy refuses it");
  const on = { vaultNamespace: target.vaultNamespace, token };
  const caller = callerOf(check);
  const ask = (request: VaultRequest) =>
    client.request(connection, on, request, caller, signal).catch(async (reason: unknown) => {
      throw await mounts.explained(reason, { connection, ...on, request, caller }, signal);
    });
  const { recursive } = object;
  const listed = recursive
    ? await listSecrets(object, recursive, { connection, pod: account }, ask).catch(objectProblem)
    : object;
  const requests = fetchPlanOf([listed]).fetches.map(({ request }) => request);
  const makes = check.readAll ? undefined : requests.map(whatItMakes).find(Boolean);
  if (makes) throw new Skipped(`${makes}; --read-all reads it all the same`);
  const answers = new Map<string, VaultAnswer | ProviderError>();
  for (const request of requests) {
    // As a Mount is: which failure counts, or none, is for the object to say.
    const answer = await ask(request).catch((reason: unknown) => {
      if (reason instanceof ProviderError) return reason;
      throw reason;
    });
    answers.set(requestKey(request), answer);
  }
  const context = {
    responseBytes,
    renderer,
    jobs: new OneByOne(),
    tenant: account.namespace,
    lend: () => () => {},
  };
  const answerTo = (request: VaultRequest) => {
    const answer = answers.get(requestKey(request))!;
    if (answer instanceof ProviderError) throw answer;
    return answer.body;
  };
  const made = await tryToMake(listed, answerTo, context, signal).catch(objectProblem);
  const names = fetchPlanOf([object]).fetches.map(({ request: { method, path } }) => `${method} ${named(path)}`);
  if (recursive) names.push(`${requests.length} secrets below`);
  const leases = [...answers.values()].flatMap((answer) => ("lease" in answer && answer.lease ? [answer.lease] : []));
  return {
    value: true,
    facts: [
      `${names.join(", ")}: ${made}`,
      ...leases.map(({ durationMs }) => `a lease of ${durationMs / 1000} s, which ends with the token`),
    ],
  };
}

/** What a Mount would make of the answers. Throws what it would be refused with. */
async function tryToMake(
  object: ObjectSpec,
  answerTo: AnswerTo,
  context: RenderContext,
  signal: AbortSignal,
): Promise<string> {
  try {
    const files = await makeFiles(object, answerTo, context, signal);
    return `${files.reduce((sum, { contents }) => sum + contents.reveal().length, 0)} bytes`;
  } catch (reason) {
    const files = filesInstead(object, reason);
    const instead = files.length === 0 ? "missing, so no file (optional)" : "missing: its default is written";
    return `${instead}; ${ProviderError.from(reason).message}`;
  }
}

function objectProblem(reason: unknown): never {
  if (reason instanceof VaultError && reason.wrongPath) throw new Problem("object.path", reason.message);
  if (reason instanceof VaultError) {
    const { rule, kind } = reason;
    throw new Problem(rule ? problemOfRule[rule] : (problemOfKind[kind] ?? "object.failed"), reason.message);
  }
  if (!(reason instanceof ProviderError)) throw reason;
  throw new Problem(reason.code === "permission_denied" ? "policy.refused" : "object.value", reason.message);
}

/** Why reading an object is no mere look; `undefined` for what is only read. */
function whatItMakes(request: VaultRequest): string | undefined {
  if (!reads(request)) return `${request.method} may make or change something at every read`;
  return makesCredential(request) ? "its path issues a credential at every read" : undefined;
}

/** A token that may not revoke itself (without the default policy, or a batch token) is no problem: it ends with its time. */
async function logOut(login: LoginCheck, token: VaultToken, signal: AbortSignal): Promise<CheckResult<true>> {
  try {
    await revoke(login, token, signal);
    return { value: true, facts: ["the token is revoked, and what was made with it"] };
  } catch (reason) {
    if (!(reason instanceof VaultError)) throw reason;
    if (reason.kind !== "denied" && reason.kind !== "refused") throw new Problem("logout.failed", reason.message);
    return { value: true, facts: [], warnings: ["the token may not revoke itself, and ends with its time"] };
  }
}

function revoke(login: LoginCheck, token: VaultToken, signal: AbortSignal): Promise<void> {
  const { client, connection, target } = login;
  const on = { vaultNamespace: target.vaultNamespace, token };
  return client.revokeSelf(connection, on, { ...callerOf(login), priority: "revoke" }, signal);
}

/** Vault's audit log tells these requests from a Mount's. */
function callerOf({ account: { namespace, pod } }: LoginCheck): Caller {
  const name = pod ? `${pod.name}/${pod.uid}` : "keymount-doctor";
  return { namespace, pod: `${namespace}/${name}`, priority: "first-mount" };
}
