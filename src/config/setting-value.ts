import type { Flags } from "./flags.js";
import { type Setting, settings } from "./settings.js";

/** A value of the file's that a flag or variable gives, and how the user knows where it came from. */
export interface SettingValue {
  /** Dotted, as in `Setting`. */
  key: string;
  value: unknown;
  source: string;
}

/** What flags say; two spellings of one flag that differ are a mistake. */
export function valuesFromFlags({ given }: Flags, mistakes: string[]): SettingValue[] {
  const said = settings.flatMap((setting) => {
    const names = setting.flags.filter((name) => given.has(name));
    const [name, ...others] = names;
    if (name === undefined || setting.key === undefined) return [];
    if (others.some((other) => given.get(other) !== given.get(name))) {
      mistakes.push(`${names.map((one) => `--${one}`).join(" and ")} mean the same and say different things; keep one`);
    }
    return [{ key: setting.key, value: valueOf(setting, given.get(name)!), source: `--${name}` }];
  });
  const debug = given.get("debug") === "true" && !given.has("log-level");
  return debug ? [...said, { key: "logLevel", value: "debug", source: "--debug" }] : said;
}

/** What variables say; an empty one says nothing. */
export function valuesFromEnvironment(env: Readonly<Record<string, string | undefined>>): SettingValue[] {
  return settings.flatMap((setting) => {
    const name = setting.env.find((one) => env[one]);
    if (name === undefined || setting.key === undefined) return [];
    return [{ key: setting.key, value: valueOf(setting, env[name]!), source: name }];
  });
}

/** As the file would have it. */
function valueOf({ key, value }: Setting, written: string): unknown {
  if (key === "connections.NAME.addresses") return [written];
  // Go's VAULT_CLIENT_TIMEOUT (api/client.go) takes a bare number for seconds.
  if (value === "DURATION") return /^\d+$/.test(written) ? `${written}s` : written;
  return value === undefined ? written === "true" : written;
}
