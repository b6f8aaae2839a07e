const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration as Go writes it (`90s`, `1h30m`, `1.5h`, `500ms`), or `undefined`. Never negative. */
export function parseDuration(text: string): number | undefined {
  if (text.length > 32 || !/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  const parts = text.matchAll(/(\d{1,32}(?:\.\d{1,32})?)(ms|s|m|h)/g);
  return Math.round([...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * unitMs[unit!]!, 0));
}

/** The duration in the same form, as `26h24m`, `30s`; a part of a second counts as one. */
export function durationText(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  const parts = [
    [Math.floor(seconds / 3600), "h"],
    [Math.floor((seconds % 3600) / 60), "m"],
    [seconds % 60, "s"],
  ] as const;
  return parts.map(([amount, unit]) => (amount > 0 ? `${amount}${unit}` : "")).join("");
}
