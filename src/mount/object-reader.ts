import { meantName } from "./meant-name.js";
import { named, quoted } from "../shared/quoted.js";
import type { Finding, Findings } from "./findings.js";
import type { YamlMap, YamlNode, YamlScalar } from "./yaml-tree.js";
import { isNull } from "./yaml-value.js";

/** The fields of one entry of `objects`, or of a map within it, and a pen for what is wrong with them. */
export class ObjectReader {
  readonly entry: YamlMap;
  readonly #name: string;
  /** Where in the entry it is, with a dot: `sources.db.`. */
  readonly #path: string;
  readonly #findings: Findings;
  /** Fields that were found to be no single value: nothing else is said of them. */
  readonly #misshapen = new Set<string>();

  constructor(entry: YamlMap, name: string, findings: Findings, path = "") {
    this.entry = entry;
    this.#name = name;
    this.#path = path;
    this.#findings = findings;
  }

  /** How messages call the entry at an index of the list. */
  static nameOf(entry: YamlMap, index: number): string {
    const name = entry.entries.find(({ key }) => key === "objectName")?.value;
    const place = `objects[${index}]`;
    return name?.kind === "scalar" && name.text !== "" && !isNull(name) ? `${place} ${quoted(name.text)}` : place;
  }

  /** The fields of a map that is this one's field. */
  within(map: YamlMap, path: string): ObjectReader {
    return new ObjectReader(map, this.#name, this.#findings, `${this.#path}${path}.`);
  }

  nameUnknown(known: readonly string[]): void {
    const of = this.#path === "" ? "an object" : named(this.#path.slice(0, -1));
    for (const { key } of this.entry.entries) {
      if (known.includes(key)) continue;
      const meant = this.#findings.hasRoom("ignored") ? meantName(key, known) : undefined;
      const fields = this.#path === "" ? "" : `; there are: ${known.join(", ")}`;
      this.ignored(key, `is not a field of ${of}${meant ? `; did you mean ${meant}?` : fields}`);
    }
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
    this.#misshapen.add(field);
    return undefined;
  }

  text(field: string): string {
    return this.scalar(field)?.text ?? "";
  }

  /** Whether its author gave a field a value, be it a wrong one. */
  has(field: string): boolean {
    const node = this.node(field);
    return node !== undefined && (node.kind !== "scalar" || node.text !== "");
  }

  /** For a field that is of another kind, or holds what is; `of` follows the kind. */
  mustBe(field: string, wanted: "list" | "map", of: string): void {
    const kind = this.node(field)?.kind ?? wanted;
    const found = kind === "scalar" ? "a single value" : `a ${kind}`;
    this.error(field, `must be a ${wanted}${of}${kind === wanted ? "" : `, not ${found}`}`);
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
    if (this.#misshapen.has(field)) return;
    const parameter = "objects";
    if (!this.#findings.hasRoom(level)) return this.#findings.push({ level, parameter, text: "" });
    const written = this.entry.entries.find(({ key }) => key === field);
    const offset = written ? (isNull(written.value) ? written.keyOffset : written.value.offset) : this.entry.offset;
    const text_ = `${this.#name}: ${named(this.#path + field)} ${text}`;
    this.#findings.push({ level, parameter, offset, text: text_ });
  }
}
