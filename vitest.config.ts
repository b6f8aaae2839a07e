import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "dev/**/*.test.ts", "scripts/**/*.test.ts", "fuzz/**/*.test.ts"],
    testTimeout: 20_000,
    pool: "threads",
    maxWorkers: "100%",
    // Modules are loaded once for each worker: they hold no state that a test changes.
    isolate: false,
  },
});
