export interface Line {
  name: string;
  /** One value for each minute. */
  values: readonly number[];
}

const [width, height] = [720, 300];
const [left, right, top, bottom] = [64, 16, 56, 40];
/** Told apart by those who see no red or green, on white and on black. */
const colours = ["#3b82f6", "#f59e0b", "#10b981", "#a855f7", "#9ca3af"];

/** An SVG of lines over minutes, of which `firstMinute` is the first, with a dashed line at `limit`. */
export function plot(
  title: string,
  lines: readonly Line[],
  firstMinute: number,
  limit?: { name: string; at: number },
): string {
  const all = lines.flatMap(({ values }) => values);
  const most = niceCeiling(Math.max(...all, limit?.at ?? 0, 1));
  const minutes = Math.max(...lines.map(({ values }) => values.length)) - 1;
  const x = (n: number) => round(left + (n / minutes) * (width - left - right));
  const y = (value: number) => round(height - bottom - (value / most) * (height - top - bottom));
  const text = (at: string, words: string, extra = "") => `<text ${at}${extra}>${words}</text>`;
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((part) => [
    `<path d="M${left} ${y(part * most)}H${width - right}" stroke="#9ca3af" stroke-opacity=".35"/>`,
    text(`x="${left - 8}" y="${y(part * most) + 4}"`, shortened(part * most), ' text-anchor="end"'),
  ]);
  const step = minutes > 60 ? 20 : 10;
  const ticks = Array.from({ length: Math.floor(minutes / step) + 1 }, (_, n) =>
    text(`x="${x(n * step)}" y="${height - bottom + 18}"`, String(firstMinute + n * step), ' text-anchor="middle"'),
  );
  const drawn = lines.flatMap(({ name, values }, n) => [
    `<polyline fill="none" stroke="${colours[n]}" stroke-width="2" points="${values.map((value, at) => `${x(at)},${y(value)}`).join(" ")}"/>`,
    `<rect x="${left + n * 130}" y="32" width="10" height="10" fill="${colours[n]}"/>`,
    text(`x="${left + n * 130 + 15}" y="41"`, name),
  ]);
  const limited = limit
    ? [
        `<path d="M${left} ${y(limit.at)}H${width - right}" stroke="#ef4444" stroke-dasharray="6 4"/>`,
        text(`x="${width - right}" y="${y(limit.at) - 5}"`, limit.name, ' text-anchor="end"'),
      ]
    : [];
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="12">`,
    "<style>text{fill:#1f2937}@media(prefers-color-scheme:dark){text{fill:#e5e7eb}}</style>",
    `<title>${title}</title>`,
    text(`x="${left}" y="20" font-weight="bold"`, title),
    ...grid,
    ...ticks,
    text(`x="${width - right}" y="${height - 6}"`, "minutes", ' text-anchor="end"'),
    ...drawn,
    ...limited,
    "</svg>",
  ].join("\n")}\n`;
}

function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 8, 10].map((n) => n * power).find((nice) => nice >= value)!;
}

function shortened(value: number): string {
  return value >= 1000 ? `${round(value / 1000)}k` : String(round(value));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
