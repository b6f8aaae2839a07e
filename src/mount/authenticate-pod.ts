import type { Connection } from "../config/connection.js";
import { type ChosenToken, chooseToken } from "./identity.js";
import type { MountSpec, OfferedToken, PodIdentity } from "./mount-spec.js";
import type { Principal } from "./ports.js";
import { podVolumeOf } from "./target-path.js";
import { accountKey, ownerKey } from "./owner-key.js";

/** What a Mount asks of a connection, once the connection's settings fill what its class leaves open. */
export interface AuthRequest {
  vaultNamespace: string;
  authMount: string;
  role: string;
  /** In order of preference; a class names at most one. */
  audiences: readonly string[];
}

/** Mints a pod's token where the driver sent none of the audience; the operator's opt-in. */
export interface TokenMinter {
  /** The audiences it may mint for. */
  readonly audiences: readonly string[];
  mint(pod: PodIdentity, audience: string, signal: AbortSignal): Promise<OfferedToken>;
}

export function resolveAuth({ class: asked }: Pick<MountSpec, "class">, connection: Connection): AuthRequest {
  return {
    vaultNamespace: asked.vaultNamespace ?? connection.vaultNamespace,
    authMount: asked.authMount ?? connection.authMount,
    role: asked.roleName,
    audiences: asked.audience === undefined ? connection.audiences : [asked.audience],
  };
}

/**
 * Who visits: the pod the driver names, proven by a token whose claims say the same. Nothing held is looked at before
 * this has passed. Throws `unauthenticated` without a usable token, `permission_denied` with another's.
 */
export async function authenticatePod(
  spec: MountSpec,
  connection: Connection,
  { wall, minter }: { wall: number; minter: TokenMinter | undefined },
  signal: AbortSignal,
): Promise<Principal> {
  const { pod, targetPath } = spec;
  const { vaultNamespace, authMount, role, audiences } = resolveAuth(spec, connection);
  const volume = podVolumeOf(targetPath, pod.uid);
  const minted = volume && minter ? await mint(spec, audiences, minter, signal) : undefined;
  const token = chooseToken(minted ?? spec.tokens, audiences, pod, wall);
  const owner = {
    connection: connection.name,
    vaultNamespace,
    authMount,
    role,
    ...ownerOf(token, connection),
    ...(!volume && { parametersDigest: spec.parametersDigest }),
  };
  return {
    pod,
    connection,
    vaultNamespace,
    authMount,
    role,
    audience: token.audience,
    jwt: token.jwt,
    ownerKey: ownerKey(owner),
    accountKey: accountKey(owner, token.issuer),
    mayStartOffline: volume !== undefined && token.bound,
    volumeKey: volume ? targetPath : spec.parametersDigest,
    podVolume: volume !== undefined,
  };
}

/** Only for a pod's own volume, whose path has proven the uid, and only where none of the audiences was sent. */
async function mint(
  { pod, tokens }: MountSpec,
  audiences: readonly string[],
  minter: TokenMinter,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, OfferedToken> | undefined> {
  if (audiences.some((audience) => tokens.has(audience))) return undefined;
  const audience = audiences.find((wanted) => minter.audiences.includes(wanted));
  return audience === undefined ? undefined : new Map([[audience, await minter.mint(pod, audience, signal)]]);
}

function ownerOf({ audience, claims }: ChosenToken, { tokenPer }: Connection) {
  const { podUid, ...account } = claims;
  return { audience, ...account, ...(tokenPer === "pod" && podUid !== undefined && { podUid }) };
}
