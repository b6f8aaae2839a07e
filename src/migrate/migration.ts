import { loadOptions } from "../config/load-options.js";
import { notesOnOptions } from "../config/notes.js";
import type { Options } from "../config/options.js";
import { ProviderError } from "../shared/errors.js";
import { named } from "../shared/quoted.js";
import type { SourceProvider } from "./source-provider.js";
import { configurationFileText, planText } from "./configuration-file-text.js";
import { olderSocketDirectory } from "./node-directories.js";
import { type ConnectionPlan, type MigrationPlan, planOf } from "./plan.js";
import { type AnalyzedClass, analyzeClass, type WrittenClass } from "./analyzed-class.js";
import { usesOf } from "./uses.js";
import { type ClassReport, reportOn } from "./class-report.js";
import { type SecretSyncs, secretSyncsOf } from "./secret-sync.js";

/** All there is to say before the switch. */
export interface Migration {
  /** `spec.provider` of the classes. */
  provider: string;
  /** The configuration file. */
  text: string;
  /** By namespace and name. */
  reports: readonly ClassReport[];
  /** Audiences that the CSIDriver's `tokenRequests` must have. */
  audiences: readonly string[];
  /** What keeps all of it from working, whatever the report says of each class. */
  blockers: readonly string[];
  /** The Secret of the key for versions: the source provider's, where that is known. */
  keySecret?: string;
  /** A second directory to listen in, where a socket of the source provider would hide keymount's. */
  additionalSocketDirectory?: string;
  /** What is so for every class. */
  notes: readonly string[];
  /** How many classes of other providers were left out, by provider. */
  skipped: Readonly<Record<string, number>>;
  /** Where they were asked for. */
  secretSyncs?: SecretSyncs;
}

/**
 * Pure. `serviceAccount` asks for SecretSyncs too, which log in as that account. Throws `invalid_request` without a class of
 * the source provider, or where no setting names Vault's address.
 */
export function migrate(written: readonly WrittenClass[], source: SourceProvider, serviceAccount?: string): Migration {
  const own = written.filter(({ provider }) => provider === source.name).sort(byName);
  const skipped = countByProvider(written.filter(({ provider }) => provider !== source.name));
  const twice = own.find((one, index) => index > 0 && byName(one, own[index - 1]!) === 0);
  if (twice)
    throw new ProviderError(
      "invalid_request",
      `the class ${named(twice.namespace)}/${named(twice.name)} is there twice; keep one`,
    );
  if (own.length === 0) throw new ProviderError("invalid_request", noClass(source, skipped));
  const classes = own.map((one) => analyzeClass(one, source.family));
  const plan = planOf(source, classes);
  const uses = usesOf(read(planText(plan, source)).operator, classes);
  const text = configurationFileText(plan, source, uses, classes.length);
  const options = read(text);
  return {
    provider: source.name,
    text,
    reports: classes.map((one) => reportOn(one, options.operator, source)),
    audiences: audiencesOf(classes, source),
    blockers: blockersOf(plan, source),
    ...(source.keySecret !== undefined && { keySecret: source.keySecret }),
    ...(source.usesOlderDirectory && { additionalSocketDirectory: olderSocketDirectory }),
    notes: [
      ...notesOn(source),
      ...plan.connections.flatMap((one) => shortAddress(one, source)),
      ...source.notes,
      ...notesOnOptions(options),
      ...[...uses.values()].flatMap(({ beyond }) => beyond),
    ],
    skipped,
    ...(serviceAccount !== undefined && { secretSyncs: secretSyncsOf(classes, serviceAccount) }),
  };
}

/** As `serve` reads a configuration file. */
function read(text: string): Options {
  return loadOptions({ argv: ["--config=written"], env: {}, execArgv: [], readFile: () => text });
}

function byName(a: WrittenClass, b: WrittenClass): number {
  return order(a.namespace, b.namespace) || order(a.name, b.name);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function countByProvider(classes: readonly WrittenClass[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { provider } of classes) counts.set(provider, (counts.get(provider) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => order(a, b)));
}

function noClass({ name }: SourceProvider, skipped: Migration["skipped"]): string {
  const others = Object.keys(skipped);
  const choice = others.find((other) => ["vault", "openbao"].includes(other));
  const hint = choice === undefined ? "" : ` (--provider ${choice})`;
  const found =
    others.length === 0
      ? "; kubectl get secretproviderclass -A -o yaml writes all there are"
      : `, but of ${others.map(named).join(", ")}${hint}`;
  return `there is no class of the provider ${named(name)}${found}`;
}

function audiencesOf(classes: readonly AnalyzedClass[], { name }: SourceProvider): string[] {
  return [...new Set(classes.map(({ spec }) => spec.audience ?? name))].sort();
}

function blockersOf({ connections }: MigrationPlan, { proxyVariableFor }: SourceProvider): string[] {
  return connections.flatMap(({ name, origin }) => {
    const variable = proxyVariableFor(origin);
    if (variable === undefined) return [];
    return `connection ${name}: the source provider reaches ${origin} through a proxy (${variable}), and keymount takes none from the environment: let the nodes reach it directly, or name an address in the cluster that passes connections on`;
  });
}

/** A name that only the DNS of the source provider's namespace knows, or only its own pod. */
function shortAddress({ name, origin }: ConnectionPlan, { namespace = "NAMESPACE" }: SourceProvider): string[] {
  if (origin.startsWith("unix:")) return [];
  const { hostname } = new URL(origin);
  if (/^(localhost|127\..*|\[::1\])$/.test(hostname)) {
    return [
      `connection ${name}: ${origin} is the source provider's own pod, or with hostNetwork its node; keymount runs in another pod`,
    ];
  }
  if (/[.:[]/.test(hostname)) return [];
  return [
    `connection ${name}: the short name ${hostname} does not follow, because it means a Service of the source provider's own namespace: where keymount has another, write ${hostname}.${namespace}.svc into addresses, and the old address into aliases (with TLS, the certificate must have the new name, or tls.serverName the old one)`,
  ];
}

function notesOn({ keySecret, agent, agentSocket, settings }: SourceProvider): string[] {
  const versions = [
    "every object gets a new version once, at the switch; afterwards only with its content",
    ...(keySecret === undefined
      ? []
      : [
          `the key's Secret is ${named(keySecret)}, in keymount's own namespace: the old one does not follow, and keymount makes a new one where there is none`,
        ]),
  ];
  if (!agent && agentSocket === undefined) return versions;
  const { caFile, caDirectory } = settings.tls;
  const trusts = caFile !== undefined || caDirectory !== undefined;
  return [
    ...versions,
    "the Agent beside the source provider goes: keymount holds tokens and answers itself",
    ...(trusts
      ? []
      : ["what the Agent knows of TLS is not seen here: where Vault has a CA of its own, write tls.caFile"]),
  ];
}
