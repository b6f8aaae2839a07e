import { expect, test } from "vitest";
import { FairBudget } from "../shared/fair-budget.js";
import { Reservation } from "./reservation.js";

test.each<[string, (reservation: Reservation) => unknown]>([
  ["takes", (reservation) => reservation.take(10)],
  ["raises what it has", (reservation) => reservation.raiseTo(10)],
  ["borrows", (reservation) => reservation.lend(10)],
])("who %s after the release gets nothing, for nobody would give it back", (_what, act) => {
  const inFlight = new FairBudget(100);
  let refusals = 0;
  const reservation = new Reservation(inFlight, "shop", () => (refusals += 1));
  reservation.take(5);
  reservation.release();
  expect(() => act(reservation)).toThrow("the Mount has ended");
  expect({ total: inFlight.total, refusals }).toEqual({ total: 0, refusals: 0 });
});
