import type { Connection } from "../../src/config/connection.js";
import type { CredentialState, FoundRecord } from "../../src/leases/credential-state.js";
import type { RecordStore } from "../../src/leases/state-journal.js";

/** What a daemon does with its state directory: restores each record that is there, and writes to it from then on. */
export function openState(
  state: CredentialState,
  store: RecordStore,
  records: readonly FoundRecord[],
  connections: readonly Connection[],
): void {
  for (const record of records) state.restore(store, record, connections);
  state.open(store);
}
