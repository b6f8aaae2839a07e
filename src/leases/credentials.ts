import type { Principal, SecretSource } from "../mount/ports.js";
import type { Clock } from "../shared/clock.js";
import type { RevokedAll } from "../shared/credential-info.js";
import type { ProviderError } from "../shared/errors.js";
import { FairBudget } from "../shared/fair-budget.js";
import type { EventLoopScheduler } from "../shared/event-loop-scheduler.js";
import type { Random } from "../shared/random.js";
import type { CredentialPaths } from "../vault/credential-paths.js";
import { TokenStore } from "../vault/token-store.js";
import type { LeaseRules } from "../vault/lease-rules.js";
import type { VaultClient } from "../vault/vault-client.js";
import type { TokenEvent } from "../vault/vault-event.js";
import { VaultSecrets } from "../vault/vault-secrets.js";
import type { CredentialEvent } from "./credential-event.js";
import { CredentialState } from "./credential-state.js";
import { StateJournal } from "./state-journal.js";
import { SecretCache, type CacheLimits } from "./secret-cache.js";
import { CachedSecretSource } from "./cached-secret-source.js";
import { OfflineCopies } from "./offline-copies.js";
import { OfflineSource, copyEndingReader } from "./offline-start.js";
import { RenewalLoop } from "./renewal-loop.js";

export interface CredentialsParts {
  client: VaultClient;
  clock: Clock;
  random: Random;
  limits: CacheLimits & { inFlightBytes: number; responseBytes: number };
  scheduler: EventLoopScheduler;
  rules: LeaseRules;
  /** The paths known to create credentials; shared with the client, which waits for those. */
  paths: CredentialPaths;
  emit: (event: TokenEvent | CredentialEvent) => void;
  /** Whether a pod is known to be alive; false where that is unknown. */
  lives: (podUid: string) => boolean;
  /** See `OfflineSourceParts`. */
  isStranger: (pod: Principal["pod"]) => boolean;
  /** See `CachedSecretSourceParts`. */
  refreshRequested: (podUid: string) => string | undefined;
  /** See `CachedSecretSourceParts`. */
  credentialsRefused: () => ProviderError | undefined;
  /** Ends the background work. */
  lifetime: AbortSignal;
}

/** The parts of the credential core, each constructed with the others it needs. */
export interface Credentials {
  cache: SecretCache;
  tokens: TokenStore;
  source: SecretSource;
  copies: OfflineCopies;
  renewalLoop: RenewalLoop;
  journal: StateJournal;
  state: CredentialState;
  /** Bytes of answers in flight to Mounts, and of the files made of them. */
  inFlight: FairBudget;
  /** Ends everything that is held, and what is kept of it; no login stands after this. */
  revokeAll(): Promise<RevokedAll>;
  /** Resolves when nothing is being created or revoked any more, and what was created is written. */
  settled(): Promise<void>;
}

/** Assembles the secret source, the renewal loop and the persisted state. Starts nothing. */
export function createCredentials(parts: CredentialsParts): Credentials {
  const { client, clock, random, limits, rules, emit, lifetime, paths } = parts;
  const cache = new SecretCache(limits, parts.lives, rules.syncs ? 2 * rules.leadMs : undefined);
  const journal = new StateJournal(emit);
  const common = { client, clock, random, emit, rules, journal };
  const isNeeded = (ownerKey: string) => cache.isNeeded(ownerKey);
  const tokens = new TokenStore({ ...common, isNeeded, lifetime });
  const secrets = new VaultSecrets({ client, clock, tokens, paths, emit, lifetime });
  const copies = new OfflineCopies({ capacity: limits.bytes / 2, clock, emit });
  const { refreshRequested, credentialsRefused, scheduler, isStranger } = parts;
  const inFlight = new FairBudget(limits.inFlightBytes);
  const cached = new CachedSecretSource({
    ...common,
    cache,
    inFlight,
    mountBytes: 2 * limits.responseBytes,
    scheduler,
    reader: copyEndingReader(secrets, copies),
    refreshRequested,
    credentialsRefused,
  });
  const source = new OfflineSource({ source: cached, copies, cache, isStranger, clock, emit });
  const state = new CredentialState({ ...common, cache, tokens, paths, staticBytes: limits.bytes / 4 });
  const renewalLoop = new RenewalLoop({ ...common, cache, tokens });
  const settled = async () => {
    await cached.settled(); // Each may log in, and revoke.
    await Promise.all([tokens.settled(), secrets.settled()]);
    await Promise.all([state.settled(), journal.settled(), copies.settled()]);
  };
  const revokeAll = async () => {
    copies.clear();
    const volumes = [...cache.volumes()];
    for (const volume of volumes) cache.forget(volume);
    const revoked = await tokens.revokeAll();
    for (const ownerKey of new Set(volumes.map((volume) => volume.ownerKey))) void journal.persist(ownerKey);
    await Promise.all([journal.settled(), copies.settled()]);
    return { ...revoked, undeleted: journal.unwritten + copies.undeleted };
  };
  return { cache, tokens, source, copies, renewalLoop, journal, state, inFlight, revokeAll, settled };
}
