import { Gauge, type Registry } from "prom-client";
import { knownEngine } from "./engines.js";

/** What stands at the moment of a scrape; it is counted elsewhere. */
export interface Holdings {
  volumes: number;
  bytes: number;
  /** Of answers on their way to Mounts, and of the files made of them. */
  inFlightBytes: number;
  tokens: number;
  answers: Readonly<Record<string, number>>;
  /** Age of the oldest answer that is served because it could not be read again; 0 without one. */
  staleSeconds: number;
  connections: ReadonlyMap<string, ConnectionHoldings>;
  /** Tokens, leases and certificates, one by one. */
  credentials: readonly CredentialHolding[];
}

export interface CredentialHolding {
  connection: string;
  /** `token` for tokens. */
  engine: string;
  /** Its end is in sight, and the next Mount should replace it. */
  due: boolean;
  /** Half of the time there was for that is over. */
  ending: boolean;
}

export interface ConnectionHoldings {
  inFlight: number;
  openCircuits: number;
  waiting: number;
  /** Its own settings are at fault. */
  faulty: boolean;
}

/** Gauges that ask for what stands when they are scraped. */
export function registerHoldings(registry: Registry, holdings: () => Holdings): void {
  const single = (name: string, help: string, read: (held: Holdings) => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read(holdings()));
      },
    });
  const labelled = (name: string, help: string, label: string, read: (held: Holdings) => [string, number][]) =>
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, number] of read(holdings())) this.set({ [label]: value }, number);
      },
    });
  const perConnection = (name: string, help: string, read: (load: ConnectionHoldings) => number) =>
    labelled(name, help, "connection", ({ connections }) => [...connections].map(([key, load]) => [key, read(load)]));

  single("keymount_volumes", "Volumes that hold answers", (held) => held.volumes);
  single("keymount_answer_bytes", "Bytes of the answers held", (held) => held.bytes);
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
  labelled("keymount_answers", "Answers held, by kind: static, leased, issued", "kind", ({ answers }) =>
    Object.entries(answers),
  );
  const credentials = (name: string, help: string, counts: (one: CredentialHolding) => boolean) =>
    new Gauge({
      name,
      help,
      labelNames: ["connection", "engine"],
      registers: [registry],
      collect() {
        this.reset();
        for (const one of holdings().credentials) {
          this.inc({ connection: one.connection, engine: knownEngine(one.engine) }, counts(one) ? 1 : 0);
        }
      },
    });
  credentials("keymount_credentials", "Tokens, leases and certificates held", () => true);
  credentials(
    "keymount_credentials_due",
    "Those whose end is in sight: the next Mount replaces them",
    ({ due }) => due,
  );
  credentials(
    "keymount_credentials_ending",
    "Those that end soon, and no Mount has come to replace them",
    ({ ending }) => ending,
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
}
