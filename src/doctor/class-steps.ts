import type { Connection } from "../config/connection.js";
import type { Options } from "../config/options.js";
import { refusedByPolicy } from "../config/policy.js";
import { selectConnection } from "../config/select-connection.js";
import { type ClassReading, readClass } from "../mount/class-parameters.js";
import { classRefusals } from "../mount/class-refusals.js";
import { mostRead } from "../mount/findings.js";
import type { ClassSpec } from "../mount/mount-spec.js";
import { resolveAuth } from "../mount/authenticate-pod.js";
import { ProviderError } from "../shared/errors.js";
import { named, quoted } from "../shared/quoted.js";
import { Problem } from "./problems.js";
import type { PodAccount, ClassInput } from "./input.js";
import type { CheckResult } from "./check-runner.js";

/** What the application wants of the operator's connection. */
export interface MountTarget {
  spec: ClassSpec;
  vaultNamespace: string;
  authMount: string;
  role: string;
  /** In order of preference. */
  audiences: readonly string[];
}

/** Only its being there matters here. */
const anyInterval = 120_000;

/** The class by itself: what Mount would say of it. */
export function checkClass({ name, provider, parameters }: ClassInput, providerName?: string): CheckResult<ClassSpec> {
  const { spec, findings } = readClass(parameters, anyInterval, mostRead);
  const mistakes = textsOf(findings, "error");
  if (mistakes.length > 0) throw new Problem("class.mistake", mistakes);
  if (providerName !== undefined && provider !== providerName) {
    const what = `its spec.provider is ${quoted(provider)}, and this keymount serves ${quoted(providerName)}`;
    throw new Problem("class.provider", what);
  }
  const overruled = spec.overruled.map(
    (parameter) => `${named(parameter)} has no effect: the connection's settings decide about TLS`,
  );
  return {
    value: spec,
    facts: [`${named(name)}: ${spec.objects.length} ${spec.objects.length === 1 ? "object" : "objects"}`],
    warnings: [...textsOf(findings, "ignored"), ...textsOf(findings, "warning"), ...overruled],
  };
}

function textsOf(findings: ClassReading["findings"], level: "error" | "ignored" | "warning"): string[] {
  return findings.filter((finding) => finding.level === level).map(({ text }) => text);
}

/** Which connection the class means. */
export function checkConnection(
  spec: ClassSpec,
  { operator }: Options,
  { namespace }: PodAccount,
): CheckResult<Connection> {
  try {
    const connection = selectConnection(operator, spec, namespace);
    return { value: connection, facts: [`${connection.name} (${howChosen(spec)})`] };
  } catch (reason) {
    throw reason instanceof ProviderError ? new Problem("connection.unknown", reason.message) : reason;
  }
}

function howChosen({ connection, address }: ClassSpec): string {
  if (connection !== undefined) return "the class names it";
  return address === undefined ? "the default" : "the class's address means it";
}

/** What the operator lets the application do there, before anything is asked of Vault. */
export function checkPolicy(target: MountTarget, connection: Connection, account: PodAccount): CheckResult<true> {
  const refused = policyMistake(target, connection, account);
  if (refused !== undefined) throw new Problem("policy.refused", refused);
  const { role, authMount, vaultNamespace } = target;
  const namespaceText = vaultNamespace === "" ? "" : ` in Vault namespace ${quoted(vaultNamespace)}`;
  return {
    value: true,
    facts: [`role ${quoted(role)} at auth/${authMount}${namespaceText}, and every path, are allowed`],
  };
}

/** In the words of a Mount; `undefined` where the operator's policy lets these objects be asked for. */
export function policyMistake(
  { spec }: MountTarget,
  connection: Connection,
  account: PodAccount,
  objects = spec.objects,
): string | undefined {
  return refusedByPolicy(classRefusals(spec, connection, account, objects))?.message;
}

export function mountTargetOf(spec: ClassSpec, connection: Connection): MountTarget {
  return { spec, ...resolveAuth({ class: spec }, connection) };
}
