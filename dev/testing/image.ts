import { readFileSync } from "node:fs";

/** How the image runs Node, for measurements that must hold for it: read from the Dockerfile, so that they follow it. */
const dockerfile = readFileSync(new URL("../../Dockerfile", import.meta.url), "utf8");

/** What its entry point tells Node of the heap. */
export const imageFlags: readonly string[] = (
  JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)![1]!) as string[]
).filter((word) => word.startsWith("--max-"));

/** What it tells the allocator: without it, glibc keeps what large answers took. */
export const imageEnvironment: Readonly<Record<string, string>> = Object.fromEntries(
  [...dockerfile.matchAll(/\b(MALLOC_\w+)=(\d+)/g)].map(([, name, value]) => [name!, value!]),
);
