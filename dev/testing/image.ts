import { readFileSync } from "node:fs";

/** How the image runs Node, for measurements that must hold for it: read from the Dockerfile, so that they follow it. */
const dockerfile = readFileSync(new URL("../../Dockerfile", import.meta.url), "utf8");

/** Its entry point. */
export const imageCommand = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)![1]!) as readonly string[];

/** What it tells Node of the heap. The other flag is of signals, and Node 20 does not know it. */
export const imageFlags = imageCommand
  .slice(imageCommand.indexOf("node") + 1)
  .filter((word) => word.startsWith("--") && word !== "--disable-sigusr1");

/** What it tells the allocator: without it, glibc keeps what large answers took. */
export const imageEnvironment: Readonly<Record<string, string>> = Object.fromEntries(
  [...dockerfile.matchAll(/\b(MALLOC_\w+)=(\d+)/g)].map(([, name, value]) => [name!, value!]),
);
