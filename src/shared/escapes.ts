/**
 * What stands for the UTF-16 units of a text that may not stand for themselves. ASCII is looked up in a table, for a text may
 * have millions of units: YAML of 2 MB of quotes takes half the time that it takes where each unit is a call.
 */
export interface Escapes {
  /** By the unit, all 128. */
  ascii: readonly (string | undefined)[];
  /** Of a unit from 128 on. */
  beyond: (unit: number) => string | undefined;
}

/** Of ASCII those that `escapeOf` knows. */
export function escapesOf(
  escapeOf: (character: string, unit: number) => string | undefined,
  beyond: Escapes["beyond"] = () => undefined,
): Escapes {
  return { ascii: Array.from({ length: 128 }, (_, unit) => escapeOf(String.fromCharCode(unit), unit)), beyond };
}
