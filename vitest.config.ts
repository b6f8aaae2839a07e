import { defineConfig } from "vitest/config";

/**
 * Files whose cases are played a second time in front of the embedded server as OpenBao: those whose outcome can hang on what
 * the product answers, which refusals it tells apart, and how it names what it issues. All other tests either ask no server,
 * give the answers themselves (both products' where they differ), or start a server of each product.
 */
const inFrontOfOpenBao = [
  "src/cli/doctor.test.ts",
  "src/cli/leases.test.ts",
  "src/daemon/credentials-restart.test.ts",
  "src/daemon/go-provider-breakers.test.ts",
  "src/daemon/offline-start.test.ts",
  "src/daemon/overrides.test.ts",
  "src/daemon/path-prefix.test.ts",
  "src/daemon/recursive-reads.test.ts",
  "src/daemon/republish.test.ts",
  "src/leases/model-offline.test.ts",
  "src/leases/model.test.ts",
  "src/doctor/problems.test.ts",
  "src/vault/mount-lookup.test.ts",
  "src/vault/refusals.test.ts",
];

/** They measure the heap, so it must be their own. */
const measuringTheHeap = ["src/shared/json-bytes.test.ts"];

export default defineConfig({
  test: {
    testTimeout: 20_000,
    expect: { poll: { timeout: 15_000 } },
    pool: "threads",
    maxWorkers: "100%",
    // Modules are loaded once for each worker: they hold no state that a test changes.
    isolate: false,
    projects: [
      {
        extends: true,
        test: {
          name: "vault",
          include: [
            "src/**/*.test.ts",
            "dev/**/*.test.ts",
            "scripts/**/*.test.ts",
            "fuzz/**/*.test.ts",
            "fleet/**/*.test.ts",
          ],
          exclude: measuringTheHeap,
          provide: { product: "vault" },
        },
      },
      { extends: true, test: { name: "heap", include: measuringTheHeap, isolate: true } },
      { extends: true, test: { name: "openbao", include: inFrontOfOpenBao, provide: { product: "openbao" } } },
    ],
  },
});
