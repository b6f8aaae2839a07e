import { readFileSync } from "node:fs";

/** How the image runs Node, for measurements that must hold for it: read from the Dockerfile, so that they follow it. */
const dockerfile = readFileSync(new URL("../../Dockerfile", import.meta.url), "utf8");

/** Its entry point. */
export const imageCommand = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)![1]!) as readonly string[];

/** What it tells Node of the heap. */
export const imageFlags = imageCommand.filter((word) => /^--max-|-gc$/.test(word));

/** What it tells the allocator: without it, glibc keeps what large answers took. */
export const imageEnvironment: Readonly<Record<string, string>> = Object.fromEntries(
  [...dockerfile.matchAll(/\b(MALLOC_\w+)=(\d+)/g)].map(([, name, value]) => [name!, value!]),
);
