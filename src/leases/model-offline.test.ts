import { beforeAll, test } from "vitest";
import { NodeModel, runs } from "../../dev/testing/model/node-model.js";

const model = new NodeModel({
  volumes: [
    { tenant: "ann", contents: "login and set" },
    { tenant: "bob", contents: "set" },
    { tenant: "ann", contents: "set" },
  ],
  maxAgeMs: 2 * 60 * 60_000,
});
beforeAll(() => model.world.furnish());

test(
  `random sequences of events where pods start from offline copies, ${runs} runs`,
  () => model.checkSequences(),
  600_000,
);
