import type { Connection } from "../config/connection.js";
import { refusedByPolicy } from "../config/policy.js";
import { classRefusals } from "../mount/class-refusals.js";
import type { ClassSpec, MountSpec } from "../mount/mount-spec.js";
import { LruCache } from "../shared/lru-cache.js";

/** Service accounts of one class and connection; a class has as many as pods of different accounts mount it. */
const mostAccounts = 64;

/** Neither a class, as the cache of classes keeps it, nor a connection changes while the process lives. */
const allowed = new WeakMap<ClassSpec, WeakMap<Connection, LruCache<true>>>();

/**
 * Throws `permission_denied` where the connection's policy does not allow the pod what its class asks. Judges a class once
 * for each service account: rules know no more of a pod (`RulePod`), and at each republish all of it is as it was.
 */
export function allow({ pod, class: spec }: MountSpec, connection: Connection): void {
  const accounts = accountsAllowed(spec, connection);
  const account = `${pod.namespace}/${pod.serviceAccount}`;
  if (accounts.get(account)) return;
  const refused = refusedByPolicy(classRefusals(spec, connection, pod));
  if (refused) throw refused;
  accounts.set(account, true, 1);
}

function accountsAllowed(spec: ClassSpec, connection: Connection): LruCache<true> {
  const byConnection = allowed.get(spec) ?? new WeakMap<Connection, LruCache<true>>();
  const accounts = byConnection.get(connection) ?? new LruCache<true>(mostAccounts);
  allowed.set(spec, byConnection.set(connection, accounts));
  return accounts;
}
