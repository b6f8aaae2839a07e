import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

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

/** The longest first, so that none of them is left to run alone at the end. */
const longest = [
  "src/daemon/tenant-memory.test.ts",
  "src/leases/model.test.ts",
  "src/leases/model-offline.test.ts",
  "dev/cli/dev.test.ts",
  "src/regular-expressions.test.ts",
  "src/doctor/problems.test.ts",
  "src/render/render-worker.test.ts",
  "src/daemon/canaries.test.ts",
  "src/main.test.ts",
  "src/vault/isolation.test.ts",
  "fuzz/fuzz.test.ts",
  "src/daemon/response.test.ts",
  "dev/vault/contract.test.ts",
  "fleet/fleet.test.ts",
];

/**
 * Starts the two longest, and the smaller projects beside them: a worker loads all modules again when it changes between
 * projects, so one worker runs the smaller ones through.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project, moduleId }: TestSpecification) => {
      const place = longest.findIndex((file) => moduleId.endsWith(`/${file}`));
      if (project.name !== "vault") return 2;
      return place < 0 ? Infinity : place < 2 ? place : place + 1;
    };
    const ranked = (await super.sort(files)).map((file) => ({ file, rank: rank(file) }));
    return ranked.sort((a, b) => (a.rank === b.rank ? 0 : a.rank - b.rank)).map(({ file }) => file);
  }
}

export default defineConfig({
  test: {
    testTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    pool: "threads",
    // More than cores, because some files wait for other processes.
    maxWorkers: availableParallelism() * 2,
    sequence: { sequencer: LongestFirst },
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
