import { requestToken } from "../kube/token-request.js";
import { type ChosenToken, chooseToken, issuerOf, readToken } from "../mount/identity.js";
import { ProviderError } from "../shared/errors.js";
import { named, quoted } from "../shared/quoted.js";
import type { Redacted } from "../shared/redacted.js";
import { type Kube, readInCluster } from "./cluster-read.js";
import { Problem, Skipped } from "./problems.js";
import type { MountTarget } from "./class-steps.js";
import type { PodAccount, DoctorInput } from "./input.js";
import type { CheckResult } from "./check-runner.js";

export interface TokenAsk {
  input: Pick<DoctorInput, "account" | "token" | "devToken">;
  target: Pick<MountTarget, "audiences">;
  kube: Kube | undefined;
  /** Milliseconds since the epoch. */
  now: number;
}

/** Checks that the application's token is valid for a Mount's login. Of its claims only names and times are reported. */
export async function checkToken(ask: TokenAsk, signal: AbortSignal): Promise<CheckResult<ChosenToken>> {
  const { jwt, origin } = await findToken(ask, signal);
  try {
    return judge(jwt, ask, origin);
  } catch (reason) {
    if (!(reason instanceof ProviderError)) throw reason;
    throw new Problem("token.unusable", reason.message, howToGive(ask));
  }
}

/** As a Mount does. A token's own pod is believed where none was named. */
function judge(jwt: Redacted<string>, ask: TokenAsk, origin: string): CheckResult<ChosenToken> {
  const { audiences } = ask.target;
  const { namespace, serviceAccount, pod } = ask.input.account;
  const { aud = [], exp, bearer } = readToken(jwt.reveal(), audiences[0] ?? "");
  // The empty audience is the API server's own, under any name.
  const audience = audiences.find((wanted) => wanted === "" || aud.length === 0 || aud.includes(wanted));
  if (audience === undefined) throw otherAudience(aud, ask);
  const { podUid = "" } = bearer;
  const who = { namespace, serviceAccount, name: pod?.name ?? "", uid: pod?.uid ?? podUid };
  const value = chooseToken(new Map([[audience, { jwt }]]), [audience], who, ask.now);
  const minutes = exp === undefined ? undefined : Math.floor((exp * 1000 - ask.now) / 60_000);
  return {
    value,
    facts: [
      `${origin} of service account ${namespace}/${serviceAccount}, for audience ${quoted(audience)}`,
      `issued by ${quoted(issuerOf(jwt.reveal()))}`,
      podUid === "" ? "bound to no pod" : `bound to pod ${named(podUid)}`,
      ...(minutes === undefined ? [] : [`good for ${Math.max(0, minutes)} minutes`]),
    ],
    warnings: minutes !== undefined && minutes < 0 ? ["it has ended by the clock here; Vault may still take it"] : [],
  };
}

async function findToken(ask: TokenAsk, signal: AbortSignal): Promise<{ jwt: Redacted<string>; origin: string }> {
  const { token, devToken, account } = ask.input;
  if (token) return { jwt: token, origin: "the token given is" };
  try {
    const jwt = await devToken?.(account, ask.target.audiences[0] ?? "", signal);
    if (jwt) return { jwt, origin: "keymount dev made a token" };
  } catch (reason) {
    signal.throwIfAborted();
    throw new Skipped(`${ProviderError.from(reason).message}; ${howToGive(ask)}`);
  }
  return { jwt: await mint(ask, signal), origin: "the API server made a token" };
}

async function mint(ask: TokenAsk, signal: AbortSignal): Promise<Redacted<string>> {
  const { input, target, kube } = ask;
  const instead = howToGive(ask);
  if (!kube) throw new Skipped(`there is no token; ${instead}`);
  const read = (one: Kube) => requestToken(one, input.account, target.audiences[0] ?? "", signal);
  return (await readInCluster(kube, read, { absent: "token.account", instead }, signal)).jwt;
}

/** What a person types. */
function howToGive({ input: { account }, target: { audiences } }: TokenAsk): string {
  return `give one with ${createToken(account, audiences[0] ?? "")} | keymount doctor --token-file - …`;
}

function createToken({ namespace, serviceAccount }: PodAccount, audience: string): string {
  const forAudience = audience === "" ? "" : ` --audience ${named(audience)}`;
  return `kubectl create token ${named(serviceAccount)} -n ${named(namespace)}${forAudience}`;
}

function otherAudience(aud: readonly string[], { target }: TokenAsk): ProviderError {
  const wanted = target.audiences.map(quoted).join(" or ");
  const found = aud.slice(0, 8).map(quoted).join(", ");
  return new ProviderError(
    "unauthenticated",
    `the token is for audience ${found}, and the class or its connection asks for ${wanted}`,
  );
}
