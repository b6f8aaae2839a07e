import { type Budget, type Figure, meetsBudget } from "./figure.js";
import { type Run, rounded } from "./results.js";

/** One line a figure: its budget, this run, the committed one, and a mark where the budget is missed. */
export function table(figures: readonly Figure[], last: Run | undefined): string {
  const rows = figures.map((figure) => [
    figure.title,
    budgetOf(figure.budget),
    `${rounded(figure.value)}`,
    last?.figures[figure.id] === undefined ? "" : `${last.figures[figure.id]}`,
    figure.unit,
    meetsBudget(figure) ? "" : "missed",
  ]);
  const head = ["", "budget", "this run", last ? last.date : "last run", "", ""];
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column >= 1 && column <= 3 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join("  ")
      .trimEnd();
  return [head, ...rows].map(line).join("\n");
}

function budgetOf(budget: Budget | undefined): string {
  if (!budget) return "";
  return "atMost" in budget ? `≤ ${rounded(budget.atMost)}` : `≥ ${rounded(budget.atLeast)}`;
}
