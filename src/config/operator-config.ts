import type { Connection } from "./connection.js";

/** The clusters an operator lets pods use. */
export interface OperatorConfig {
  /** In the order of the configuration file; never empty. */
  connections: readonly Connection[];
  /** For classes that name neither a connection nor an address; one of `connections`. */
  defaultConnection: Connection;
  /** How classes are handled whose `vaultAddress` no connection lists. */
  classAddress: "refuse" | "use-default";
}
