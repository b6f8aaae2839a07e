import { notesOnOptions } from "./notes.js";
import { toOptions } from "./options.js";
import { defaultName, isMap, overlay } from "./overlay.js";
import { socketName } from "./socket-name.js";
import { validateData } from "./validate-data.js";
import { readYamlSource } from "./yaml-source.js";

export interface FileFinding {
  level: "mistake" | "warning";
  /** In UTF-16 units from the start of the file. */
  offset: number;
  text: string;
}

/**
 * What is wrong with a configuration file by itself. Flags and variables of `serve` may add what it lacks, so what only they
 * can settle is not said: a key, the node's name, a Vault to talk to. Asks nothing of any server, and reads no other file.
 */
export function findingsOfFile(text: string): FileFinding[] {
  const yaml = readYamlSource("the file", text);
  const mistake = (offset: number, text: string): FileFinding => ({ level: "mistake", offset, text });
  if (yaml.mistakes.length > 0) return yaml.mistakes.map((text) => mistake(0, text));
  if (!isMap(yaml.data)) return [mistake(0, "the file must be a map of settings")];
  const { data } = yaml;
  const quarrels: string[] = [];
  overlay(data, [], quarrels);
  const { given, issues } = validateData(data);
  const defaultAddresses = `connections.${defaultName(data)}.addresses`;
  const findings = [
    ...quarrels.map((text) => mistake(0, text)),
    ...issues.map(({ path, message }) => {
      const key = path.map(String).join(".");
      const offset = yaml.offsetOf(path);
      // --vault-addr and VAULT_ADDR give the default connection its address.
      if (key !== defaultAddresses || message !== "is missing") {
        return mistake(offset, `${key}: ${message}`);
      }
      return { level: "warning" as const, offset, text: `${key}: ${message}, unless --vault-addr gives it` };
    }),
  ];
  if (!given || findings.length > 0) return findings;
  const socket = socketName(given);
  if ("mistake" in socket) return [mistake(0, socket.mistake)];
  const options = toOptions(given, {}, []);
  const notes = options && options.operator.connections.length > 0 ? notesOnOptions(options) : [];
  return notes.map((note) => ({ level: "warning", offset: yaml.offsetOf(subjectOf(note)), text: note }));
}

/** A note starts with what it is about: `connection main …`, or the key of a setting. */
function subjectOf(note: string): string[] {
  const [first = "", second = ""] = note.split(" ", 2);
  return first === "connection" ? ["connections", second] : [first];
}
