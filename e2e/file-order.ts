import { existsSync } from "node:fs";
import { join } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take minutes, the longest first. */
const longFiles = [
  "cluster/cases/provider-absent",
  "cluster/cases/leases-pool",
  "cluster/cases/leases-tls",
  "cluster/cases/examples",
  "cluster/disruptions/leases-kept",
  "cases/leases-database",
  "cases/leases-failover",
  "cases/leases-faults",
  "cases/issued-ends",
  "cases/leases-engines",
  "cases/leases-once",
  "cases/leases-openbao",
];
const missing = longFiles.filter((name) => !existsSync(join(import.meta.dirname, `${name}.test.ts`)));
if (missing.length > 0) throw new Error(`file-order.ts names files that are not there: ${missing.join(", ")}`);

/**
 * What is long begins first, so that no file is left to run by itself at the end. In the cluster, the files that hold the node
 * alone begin last: each waits until the others have ended, and the others would wait behind it.
 */
export class FileOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => groupOf(a) - groupOf(b) || rank(a.moduleId) - rank(b.moduleId));
  }
}

const groupOf = ({ project }: TestSpecification) => project.config.sequence.groupOrder;

function rank(path: string): number {
  const long = longFiles.findIndex((name) => path.endsWith(`e2e/${name}.test.ts`));
  const ofItsKind = long < 0 ? longFiles.length : long;
  return path.includes("/cluster/disruptions/") ? longFiles.length + 1 + ofItsKind : ofItsKind;
}
