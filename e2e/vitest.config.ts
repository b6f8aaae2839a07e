import { defineConfig } from "vitest/config";
import { FileOrder } from "./file-order.js";

const shared = {
  setupFiles: ["e2e/stack/kill-on-disconnect.ts"],
  // Processes, not threads: what a test starts dies with the process that started it.
  pool: "forks" as const,
  testTimeout: 90_000,
  hookTimeout: 90_000,
};

/** It measures how long things take, so nothing else of the run works beside it. */
const tenants = "e2e/cases/tenants.test.ts";

export default defineConfig({
  test: {
    reporters: ["verbose"],
    sequence: { sequencer: FileOrder },
    projects: [
      {
        test: {
          ...shared,
          name: "driver",
          include: ["e2e/{cases,chart,contract}/**/*.test.ts"],
          exclude: [tenants],
          globalSetup: ["e2e/global-setup.ts"],
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: "tenants",
          include: [tenants],
          globalSetup: ["e2e/global-setup.ts"],
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...shared,
          name: "soak",
          include: ["e2e/soak/**/*.test.ts"],
          globalSetup: ["e2e/global-setup.ts"],
          hookTimeout: 300_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          ...shared,
          name: "cluster",
          include: ["e2e/cluster/**/*.test.ts"],
          globalSetup: ["e2e/cluster/global-setup.ts"],
          // A file that disturbs the node runs alone: it waits until the others have ended (stack/read-write-lock.ts).
          maxWorkers: 4,
          testTimeout: 300_000,
          hookTimeout: 600_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
