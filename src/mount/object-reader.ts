import { named, quoted } from "../shared/quoted.js";
import type { Finding } from "./findings.js";
import type { YamlMap, YamlNode, YamlScalar } from "./yaml-tree.js";
import { isNull } from "./yaml-value.js";

/** The fields of one entry of `objects`, and a pen for what is wrong with them. */
export class ObjectReader {
  readonly entry: YamlMap;
  readonly #index: number;
  readonly #findings: Finding[];

  constructor(entry: YamlMap, index: number, findings: Finding[]) {
    this.entry = entry;
    this.#index = index;
    this.#findings = findings;
  }

  /** `undefined` where the field is absent or null, which Go reads as absent. */
  node(field: string): YamlNode | undefined {
    const node = this.entry.entries.find(({ key }) => key === field)?.value;
    return node && !isNull(node) ? node : undefined;
  }

  /** A field's single value. Go takes numbers and booleans for text as they are written. */
  scalar(field: string): YamlScalar | undefined {
    const node = this.node(field);
    if (!node || node.kind === "scalar") return node;
    this.error(field, `must be a single value, not a ${node.kind}`);
    return undefined;
  }

  text(field: string): string {
    return this.scalar(field)?.text ?? "";
  }

  error(field: string, text: string): void {
    this.#say("error", field, text);
  }

  /** For what cannot be meant, but is no reason to fail a class that the Go provider mounts. */
  ignored(field: string, text: string): void {
    this.#say("ignored", field, text);
  }

  warning(field: string, text: string): void {
    this.#say("warning", field, text);
  }

  #say(level: Finding["level"], field: string, text: string): void {
    const written = this.entry.entries.find(({ key }) => key === field);
    const offset = written ? (isNull(written.value) ? written.keyOffset : written.value.offset) : this.entry.offset;
    const text_ = `${this.#name()}: ${named(field)} ${text}`;
    this.#findings.push({ level, parameter: "objects", offset, text: text_ });
  }

  #name(): string {
    const name = this.entry.entries.find(({ key }) => key === "objectName")?.value;
    const place = `objects[${this.#index}]`;
    return name?.kind === "scalar" && name.text !== "" ? `${place} ${quoted(name.text)}` : place;
  }
}
