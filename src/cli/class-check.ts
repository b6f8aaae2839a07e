import { readOrigin } from "../config/origin.js";
import { readClass } from "../mount/class-parameters.js";
import { type Finding, mostRead } from "../mount/findings.js";
import type { ClassSpec } from "../mount/mount-spec.js";
import { objectEntries } from "../mount/objects.js";
import type { RenderWorker } from "../render/render-worker.js";
import type { Remark, WrittenClass } from "./class-file.js";
import { checkEnds } from "./end-check.js";
import { checkResource } from "./resource-check.js";
import type { RolledWorkload } from "./rolled-workload.js";
import { checkRollouts } from "./rollout-check.js";
import { checkSecretObjects } from "./secret-objects-check.js";
import { checkTemplates } from "./template-check.js";
import { sourceOffset } from "./text-places.js";

/** The operator's default is not known here, and only its being there matters. */
const anyInterval = 120_000;

/** All there is to say of one class. `text` is the file it stands in, `workloads` are those of all files. */
export async function checkClass(
  written: WrittenClass,
  text: string,
  workloads: readonly RolledWorkload[],
  renderer: Pick<RenderWorker, "look">,
  signal: AbortSignal,
): Promise<Remark[]> {
  const texts = new Map([...written.parameters].map(([name, parameter]) => [name, parameter.text]));
  const { spec, findings } = readClass(texts, anyInterval, mostRead);
  const source = texts.get("objects") ?? "";
  const objects = objectEntries(source).map((entry, position) => ({ ...entry, object: spec.objects[position]! }));
  const templates = await checkTemplates(source, objects, renderer, signal);
  const remarks = [...findings, ...templates, ...checkEnds(objects), ...checkRollouts(written, objects, workloads)]
    .filter(({ parameter }) => !written.misshapen.has(parameter ?? ""))
    .map((finding) => remarkOf(finding, written, text));
  const synced = written.secretObjects ? checkSecretObjects(written.secretObjects, spec.objects) : [];
  const overruled = spec.overruled.map((name): Remark => {
    const message = `parameter ${name} has no effect: the connection's settings decide about TLS`;
    return { level: "warning", offset: written.parameters.get(name)!.keyOffset, message };
  });
  return [...checkResource(written.root), ...remarks, ...overruled, ...addressRemarks(spec, written), ...synced];
}

/** A warning, because an installation may leave addresses of classes unread. */
function addressRemarks({ address }: ClassSpec, { parameters }: WrittenClass): Remark[] {
  const reading = address === undefined ? undefined : readOrigin(address);
  const [name, parameter] = [...parameters].find(([, { text }]) => text === address) ?? [];
  if (!parameter || !reading || !("mistake" in reading)) return [];
  const message = `${name} ${reading.mistake}; a Mount is refused unless the configuration says classAddress: use-default`;
  return [{ level: "warning", offset: parameter.keyOffset, message }];
}

function remarkOf(finding: Finding, written: WrittenClass, text: string): Remark {
  const level = finding.level === "warning" ? "warning" : "mistake";
  const parameter = written.parameters.get(finding.parameter ?? "");
  if (!parameter) return { level, offset: written.parametersOffset, message: finding.text };
  if (finding.offset === undefined) return { level, offset: parameter.keyOffset, message: finding.text };
  const source = text.slice(parameter.offset, parameter.end);
  const offset = parameter.offset + sourceOffset(source, parameter.text, finding.offset);
  return { level, offset, message: finding.text };
}
