import type { YamlMap, YamlNode } from "../mount/yaml-tree.js";
import { isNull } from "../mount/yaml-value.js";
import { quoted } from "../shared/quoted.js";
import { nearest } from "../shared/spelling.js";
import { member, type Remark, textOf } from "./class-file.js";

/** Writes remarks, among them those that every object of Kubernetes can earn. */
export class Pen {
  readonly remarks: Remark[] = [];

  mistake(at: { offset: number }, message: string): void {
    this.remarks.push({ level: "mistake", offset: at.offset, message });
  }

  warning(at: { offset: number }, message: string): void {
    this.remarks.push({ level: "warning", offset: at.offset, message });
  }

  /** The text of a field; `undefined` where there is none, which may be remarked upon. */
  text(map: YamlMap, field: string, location: string): { text: string; node: YamlNode } | undefined {
    const node = member(map, field)?.value;
    if (!node || isNull(node)) return undefined;
    const text = textOf(node);
    if (text === undefined) this.#notText(node, `${location} ${field}`);
    return text === undefined ? undefined : { text, node };
  }

  /** The entries of a map from text to text; `undefined` where there is none, which may be remarked upon. */
  texts(
    node: YamlNode | undefined,
    location: string,
  ): { key: string; keyOffset: number; text: string; at: YamlNode }[] {
    if (!node || isNull(node)) return [];
    if (node.kind !== "map") {
      this.mistake(node, `${location} must be a map`);
      return [];
    }
    return node.entries.flatMap(({ key, keyOffset, value }) => {
      const text = textOf(value);
      if (text === undefined) this.#notText(value, `${location}: ${quoted(key)}`);
      return text === undefined ? [] : [{ key, keyOffset, text, at: value }];
    });
  }

  unknownFields(
    map: YamlMap,
    location: string,
    known: readonly string[],
    elsewhere: Readonly<Record<string, string>> = {},
  ): void {
    for (const { key, keyOffset } of map.entries) {
      if (known.includes(key)) continue;
      const meant = nearest(key, known);
      const home = Object.hasOwn(elsewhere, key) ? `; it belongs under ${elsewhere[key]}` : "";
      const hint = home || (meant ? `; did you mean ${meant}?` : "");
      this.mistake({ offset: keyOffset }, `${location}: ${quoted(key)} is not a field${hint}`);
    }
  }

  #notText(node: YamlNode, what: string): void {
    this.mistake(node, `${what} must be a string${node.kind === "scalar" ? "; put it in quotes" : ""}`);
  }
}
