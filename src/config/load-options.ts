import { fileFault } from "../shared/file-fault.js";
import { ConfigError } from "./config-error.js";
import { readFlags } from "./flags.js";
import { heapMistakes } from "./heap-room.js";
import { notesOnEnvironment, notesOnFlags, notesOnOptions } from "./notes.js";
import { type Given, type Options, toOptions } from "./options.js";
import { connectionsOf, type Data, isMap, type Overlaid, overlay } from "./overlay.js";
import { valuesFromEnvironment, valuesFromFlags } from "./setting-value.js";
import { type ProcessStart, startRefusals } from "./start-refusals.js";
import { validateData } from "./validate-data.js";
import { type Path, readYamlSource, type YamlSource } from "./yaml-source.js";

/** What the outside gives; nothing else is looked at. */
export interface OptionSources extends ProcessStart {
  /** What follows the command. */
  argv: readonly string[];
  /** The text of a file; throws what `fs.readFileSync` throws. */
  readFile: (path: string) => string;
}

/** Flags win over environment over file. Throws one `ConfigError` that names every mistake with its place. */
export function loadOptions({ argv, env, execArgv, heapBytes = Infinity, readFile }: OptionSources): Options {
  const mistakes = startRefusals({ env, execArgv });
  const flags = readFlags(argv);
  mistakes.push(...flags.mistakes);
  const file = readConfigFile(flags.given.get("config"), readFile, mistakes);
  const layers = [valuesFromEnvironment(env), valuesFromFlags(flags, mistakes)];
  if (!file) throw new ConfigError(mistakes);
  const overlaid = overlay(file.data, layers, mistakes);
  const given = validated(overlaid, file, mistakes);
  const options = given && toOptions(given, env, mistakes);
  if (options) mistakes.push(...heapMistakes(options.limits, heapBytes));
  if (mistakes.length > 0 || !options) throw new ConfigError(mistakes);
  const notes = [...notesOnFlags(flags), ...notesOnEnvironment(env), ...overlaid.overruled, ...notesOnOptions(options)];
  return { ...options, notes };
}

/** The file's data and places; nothing of either without a file. */
interface ConfigFile {
  data: Data;
  yaml?: YamlSource;
}

/** `undefined` when there is a file that cannot be read: then there is no telling what it says. */
function readConfigFile(
  path: string | undefined,
  readFile: OptionSources["readFile"],
  mistakes: string[],
): ConfigFile | undefined {
  if (path === undefined) return { data: {} };
  const yaml = readSource(path, readFile);
  if (typeof yaml === "string") mistakes.push(yaml);
  else mistakes.push(...yaml.mistakes);
  if (typeof yaml === "string" || yaml.mistakes.length > 0) return undefined;
  const { data = {} } = yaml;
  const isObject = isMap(data) && "apiVersion" in data && "kind" in data;
  if (isMap(data) && !isObject) return { data, yaml };
  const kind = isObject
    ? "is an object of Kubernetes; the configuration is what a ConfigMap has under data"
    : "must be a map of settings";
  mistakes.push(`${yaml.locationOf([])}: the file ${kind}`);
  return undefined;
}

function readSource(path: string, readFile: OptionSources["readFile"]): YamlSource | string {
  try {
    return readYamlSource(path, readFile(path));
  } catch (error) {
    return `--config: ${path} cannot be read: ${fileFault(error as NodeJS.ErrnoException)}`;
  }
}

/** What the schema makes of it, or `undefined` with every mistake named by its flag, variable, or place in the file. */
function validated({ data, sources }: Overlaid, { yaml }: ConfigFile, mistakes: string[]): Given | undefined {
  const { given, issues } = validateData(data);
  const isConnected = Object.keys(connectionsOf(data)).length > 0;
  if (!isConnected) mistakes.push(noConnection);
  issues.sort((a, b) => (yaml ? yaml.offsetOf(a.path) - yaml.offsetOf(b.path) : 0));
  mistakes.push(...issues.map(({ path, message }) => `${locationOf(path, sources, yaml)}: ${message}`));
  return isConnected ? given : undefined;
}

const noConnection =
  "no Vault to talk to: give --vault-addr ADDRESS (or VAULT_ADDR), or connections in the file that --config names";

/** `--vault-addr`, or `keymount.yaml:3:5: connections.main.addresses.0`. */
function locationOf(path: Path, sources: Overlaid["sources"], yaml: YamlSource | undefined): string {
  const steps = path.map(String);
  const source = steps.map((_, end) => sources.get(steps.slice(0, end + 1).join("."))).find(Boolean);
  return source ?? `${yaml ? `${yaml.locationOf(path)}: ` : ""}${steps.join(".")}`;
}
