import { Gauge, type Registry } from "prom-client";
import { knownEngine } from "./engines.js";

/** The state at the moment of a scrape, counted elsewhere. */
export interface Inventory {
  volumes: number;
  bytes: number;
  /** Of answers in flight to Mounts, and of the files made of them. */
  inFlightBytes: number;
  tokens: number;
  answers: Readonly<Record<string, number>>;
  /** Age of the oldest answer that is served because it could not be read again; 0 without one. */
  staleSeconds: number;
  connections: ReadonlyMap<string, ConnectionState>;
  /** Tokens, leases and certificates, one by one. */
  credentials: readonly CredentialState[];
}

export interface CredentialState {
  connection: string;
  /** `token` for tokens. */
  engine: string;
  /** `due`: its end is in sight, and the next Mount should replace it. `ending`: half of the time for that is over. */
  standing: "held" | "due" | "ending";
}

export interface ConnectionState {
  inFlight: number;
  openCircuits: number;
  waiting: number;
  /** Its own settings are at fault. */
  faulty: boolean;
}

/** Registers the gauges; returns the function that sets them all. */
export function registerInventory(registry: Registry): (inventory: Inventory) => void {
  const setters: ((inventory: Inventory) => void)[] = [];
  const registers = [registry];
  const single = (name: string, help: string, read: (held: Inventory) => number) => {
    const gauge = new Gauge({ name, help, registers });
    setters.push((inventory) => gauge.set(read(inventory)));
  };
  const labelled = (name: string, help: string, label: string, read: (held: Inventory) => [string, number][]) => {
    const gauge = new Gauge({ name, help, labelNames: [label], registers });
    setters.push((inventory) => {
      gauge.reset();
      for (const [value, number] of read(inventory)) gauge.set({ [label]: value }, number);
    });
  };
  const perConnection = (name: string, help: string, read: (load: ConnectionState) => number) =>
    labelled(name, help, "connection", ({ connections }) => [...connections].map(([key, load]) => [key, read(load)]));
  const credentials = (name: string, help: string, counts: (one: CredentialState) => boolean) => {
    const gauge = new Gauge({ name, help, labelNames: ["connection", "engine"], registers });
    setters.push((inventory) => {
      gauge.reset();
      for (const one of inventory.credentials) {
        gauge.inc({ connection: one.connection, engine: knownEngine(one.engine) }, counts(one) ? 1 : 0);
      }
    });
  };

  single("keymount_volumes", "Volumes that hold answers", (held) => held.volumes);
  single("keymount_cache_bytes", "Bytes of the answers held", (held) => held.bytes);
  single(
    "keymount_in_flight_bytes",
    "Bytes of answers on their way to Mounts, and of files made of them",
    (held) => held.inFlightBytes,
  );
  single("keymount_tokens", "Vault tokens held", (held) => held.tokens);
  single(
    "keymount_stale_seconds",
    "Age of the oldest answer that could not be read again; 0 without one",
    (held) => held.staleSeconds,
  );
  labelled("keymount_cached_secrets", "Answers held, by kind: static, leased, issued", "kind", ({ answers }) =>
    Object.entries(answers),
  );
  credentials("keymount_credentials", "Tokens, leases and certificates held", () => true);
  credentials(
    "keymount_credentials_due",
    "Those whose end is in sight: the next Mount replaces them",
    ({ standing }) => standing !== "held",
  );
  credentials(
    "keymount_credentials_ending",
    "Those that end soon, and no Mount has come to replace them",
    ({ standing }) => standing === "ending",
  );
  perConnection("keymount_vault_in_flight", "Requests to Vault under way", ({ inFlight }) => inFlight);
  perConnection(
    "keymount_vault_open_circuits",
    "Paths and engines that failed again and again, and are not asked for a while",
    ({ openCircuits }) => openCircuits,
  );
  perConnection("keymount_vault_waiting", "Requests to Vault that wait for their turn", ({ waiting }) => waiting);
  perConnection(
    "keymount_connection_faulty",
    "1 while the connection's own settings are at fault (TLS refused, name not found)",
    ({ faulty }) => (faulty ? 1 : 0),
  );
  return (inventory) => setters.forEach((set) => set(inventory));
}
