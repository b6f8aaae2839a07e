import { beforeAll, expect, test } from "vitest";
import { NodeModel, runs } from "../../dev/testing/model/node-model.js";
import { lives } from "../../dev/testing/model/node-world.js";

const minute = 60_000;
const hour = 60 * minute;

const model = new NodeModel({
  volumes: [
    { tenant: "ann", contents: "everything" },
    { tenant: "bob", contents: "everything" },
    { tenant: "ann", contents: "everything" },
  ],
});
beforeAll(() => model.world.furnish());

test(`random sequences of events, ${runs} runs`, () => model.checkSequences(), 600_000);

test("a calm day: a volume never shows a login that is dead, nothing is replaced before its time, and nothing piles up", async () => {
  const { world } = model;
  await model.reset();
  const { pods } = model;
  const logins = new Set<string>();
  for (let passed = 0; passed < 24 * hour; passed += 2 * minute) {
    for (const pod of pods) {
      const { user, password } = pod.files;
      expect(await world.mount(pod)).toBeUndefined();
      logins.add(pod.files["user"]!);
      // Open connections go on with the previous login.
      if (user) expect(world.database.admits(user, password!), "a login that is replaced ends by itself").toBe(true);
    }
    await world.pass(2 * minute);
    for (const pod of pods) model.checkWell(pod);
    expect(world.users.length).toBeLessThanOrEqual(2 * pods.length);
    expect(world.vault.live.tokens).toBeLessThanOrEqual(2 * pods.length);
  }
  expect(world.violations).toEqual([]);
  expect(logins.size).toBeLessThanOrEqual((pods.length * 24 * hour) / (0.75 * lives.loginMax));
  await model.leave();
}, 120_000);
