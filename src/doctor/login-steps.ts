import type { Connection } from "../config/connection.js";
import { makesCredential } from "../mount/credential-path.js";
import type { ChosenToken } from "../mount/identity.js";
import { makeFiles } from "../mount/make-files.js";
import type { ObjectSpec, VaultRequest } from "../mount/mount-spec.js";
import { groupsOf } from "../mount/object-requests.js";
import type { Workshop } from "../mount/ports.js";
import { requestKey } from "../mount/request-key.js";
import { ProviderError } from "../shared/errors.js";
import { OneByOne } from "../shared/one-by-one.js";
import { named } from "../shared/quoted.js";
import type { Caller, VaultAnswer, VaultClient, VaultToken } from "../vault/vault-client.js";
import { VaultError, type VaultErrorKind } from "../vault/vault-error.js";
import { type Errand, policyMistake } from "./class-steps.js";
import type { Bearer } from "./complaint.js";
import { Break, type BreakName, NotSeen } from "./breaks.js";
import type { Path } from "./path.js";
import type { Round, Seen } from "./round.js";

/** An application at Vault's door. */
export interface Visit {
  client: VaultClient;
  workshop: Workshop;
  connection: Connection;
  errand: Errand;
  bearer: Bearer;
  readAll: boolean;
}

/** Logs in, reads what the class names, and gives the token back; or says why not, where the path to here is blocked. */
export async function visitVault(visit: Visit, chosen: ChosenToken, path: Path, round: Round): Promise<void> {
  const token = await path.look({
    step: "login",
    subject: `auth/${visit.errand.authMount}`,
    otherwise: "login.failed",
    act: (signal) => logIn(visit, chosen, signal),
  });
  try {
    await round.each(visit.errand.spec.objects, (object, branch) => lookAtObject(visit, token, object, path, branch));
  } catch (reason) {
    // Interrupted; a token that this does not reach ends by itself.
    if (token) await revoke(visit, token, AbortSignal.timeout(farewellMs)).catch(() => undefined);
    throw reason;
  }
  await path.look({ step: "logout", otherwise: "logout.failed", act: (signal) => logOut(visit, token!, signal) });
}

const farewellMs = 2_000;

async function logIn(visit: Visit, { jwt, audience }: ChosenToken, signal: AbortSignal): Promise<Seen<VaultToken>> {
  const { client, connection, errand, bearer } = visit;
  const { vaultNamespace, authMount, role } = errand;
  const serviceAccount = `${bearer.namespace}/${bearer.serviceAccount}`;
  const login = { vaultNamespace, authMount, role, serviceAccount, audience, jwt };
  const token = await client.login(connection, login, callerOf(visit), signal).catch((reason: unknown) => {
    if (!(reason instanceof VaultError)) throw reason;
    throw new Break(reason.kind === "login_denied" ? "login.denied" : "login.failed", reason.message);
  });
  const life = token.ttlMs === undefined ? "that never ends" : `for ${token.ttlMs / 1000} s`;
  const uses = token.uses === undefined ? [] : [`it may be used ${token.uses} times`];
  return { value: token, facts: [`${serviceAccount} is given a ${token.type} token ${life}`, ...uses] };
}

const breakOfKind: Partial<Record<VaultErrorKind, BreakName>> = {
  denied: "object.denied",
  missing: "object.absent",
  deleted: "object.absent",
  destroyed: "object.absent",
  refused: "object.refused",
};

async function lookAtObject(
  visit: Visit,
  token: VaultToken | undefined,
  object: ObjectSpec,
  path: Path,
  round: Round,
): Promise<void> {
  const subject = object.objectName;
  if (token) {
    const act = (signal: AbortSignal) => read(visit, token, object, signal);
    await round.look({ step: "object", subject, otherwise: "object.failed", act });
  } else round.skip("object", path.blockedBy!, subject);
}

/** What a file may have at most, as the daemon does by default. */
const responseBytes = 3.5 * 2 ** 20;

/** Reads it as a Mount does, and says how much there is; never what. */
async function read(visit: Visit, token: VaultToken, object: ObjectSpec, signal: AbortSignal): Promise<Seen<true>> {
  const { client, workshop, connection, errand, bearer } = visit;
  if (policyMistake(errand, connection, bearer, [object])) throw new NotSeen("the operator's policy refuses it");
  const requests = groupsOf([object]).flatMap(({ wants }) => wants.map(({ request }) => request));
  const makes = visit.readAll ? undefined : requests.map(whatItMakes).find(Boolean);
  if (makes) throw new NotSeen(`${makes}; --read-all reads it all the same`);
  const on = { vaultNamespace: errand.vaultNamespace, token };
  const answers = new Map<string, VaultAnswer>();
  for (const request of requests) {
    const answer = await client.request(connection, on, request, callerOf(visit), signal).catch(vaultBreak);
    answers.set(requestKey(request), answer);
  }
  const making = { defaultMode: 0o644, responseBytes, workshop, jobs: new OneByOne(), tenant: bearer.namespace };
  const answerTo = (request: VaultRequest) => answers.get(requestKey(request))!.body;
  const files = await makeFiles(object, answerTo, making, signal).catch(valueBreak);
  const names = requests.map(({ method, path }) => `${method} ${named(path)}`).join(", ");
  const leases = [...answers.values()].flatMap(({ lease }) => (lease ? [lease] : []));
  return {
    value: true,
    facts: [
      `${names}: ${files.reduce((sum, { contents }) => sum + contents.reveal().length, 0)} bytes`,
      ...leases.map(({ durationMs }) => `a lease of ${durationMs / 1000} s, which ends with the token`),
    ],
  };
}

function vaultBreak(reason: unknown): never {
  if (!(reason instanceof VaultError)) throw reason;
  throw new Break(breakOfKind[reason.kind] ?? "object.failed", reason.message);
}

function valueBreak(reason: unknown): never {
  throw reason instanceof ProviderError ? new Break("object.value", reason.message) : reason;
}

/** Why reading an object is no mere look; `undefined` for what is only read. */
function whatItMakes(request: VaultRequest): string | undefined {
  const { method } = request;
  if (method !== "GET" && method !== "LIST") return `${method} may make or change something at every read`;
  return makesCredential(request) ? "its path issues a credential at every read" : undefined;
}

/** A token that may not revoke itself (without the default policy, or a batch token) is no break: it ends with its time. */
async function logOut(visit: Visit, token: VaultToken, signal: AbortSignal): Promise<Seen<true>> {
  try {
    await revoke(visit, token, signal);
    return { value: true, facts: ["the token is revoked, and what was made with it"] };
  } catch (reason) {
    if (!(reason instanceof VaultError)) throw reason;
    if (reason.kind !== "denied" && reason.kind !== "refused") throw new Break("logout.failed", reason.message);
    return { value: true, facts: [], warnings: ["the token may not revoke itself, and ends with its time"] };
  }
}

function revoke(visit: Visit, token: VaultToken, signal: AbortSignal): Promise<void> {
  const { client, connection, errand } = visit;
  const on = { vaultNamespace: errand.vaultNamespace, token };
  return client.revokeSelf(connection, on, { ...callerOf(visit), priority: "revoke" }, signal);
}

/** Vault's audit log tells these requests from a Mount's. */
function callerOf({ bearer: { namespace, pod } }: Visit): Caller {
  const name = pod ? `${pod.name}/${pod.uid}` : "keymount-doctor";
  return { namespace, pod: `${namespace}/${name}`, priority: "first-mount" };
}
