import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["e2e/**/*.test.ts"],
    globalSetup: ["e2e/global-setup.ts"],
    setupFiles: ["e2e/stack/die-with-the-run.ts"],
    // Processes, not threads: what a test starts dies with the process that started it.
    pool: "forks",
    maxWorkers: 3,
    testTimeout: 90_000,
    hookTimeout: 90_000,
    reporters: ["verbose"],
  },
});
