import { afterAll, inject } from "vitest";
import { type Application, createApplication } from "./application.js";
import { type Node, type NodeOptions, startNode } from "./node.js";
import type { Stack } from "./stack.js";

/** What most cases play on: a node of their own, and an application that uses it. */
export interface Scene {
  readonly stack: Stack;
  readonly node: Node;
  readonly app: Application;
  /** Aborts when the file's tests have ended. */
  readonly signal: AbortSignal;
}

/** Sets a scene at the top of a test file or of a `describe`, and strikes it after the last test there. */
export async function setScene(label: string, options: NodeOptions): Promise<Scene> {
  const stack = inject("stack");
  const struck = new AbortController();
  const app = await createApplication(stack, label);
  const node = await startNode(stack, options, struck.signal);
  afterAll(async () => {
    struck.abort();
    await node.stop();
  });
  return { stack, node, app, signal: struck.signal };
}
