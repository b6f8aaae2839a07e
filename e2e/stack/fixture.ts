import { afterAll, inject } from "vitest";
import { type Application, createApplication } from "./application.js";
import { type Node, type NodeOptions, startNode } from "./node.js";
import type { Stack } from "./stack.js";

/** What most cases run on: a node of their own, and an application that uses it. */
export interface Fixture {
  readonly stack: Stack;
  readonly node: Node;
  readonly app: Application;
  /** Aborts when the file's tests have ended. */
  readonly signal: AbortSignal;
}

/**
 * Sets a fixture up at the top of a test file or of a `describe`, and tears it down after the last test there; on the run's own
 * stack unless said.
 */
export async function createFixture(
  label: string,
  options: NodeOptions,
  stack: Stack = inject("stack"),
): Promise<Fixture> {
  const tornDown = new AbortController();
  const app = await createApplication(stack, label);
  const node = await startNode(stack, options, tornDown.signal);
  afterAll(async () => {
    if (stack.keep) await untilInterrupted(stack, node);
    tornDown.abort();
    await node.stop();
  }, Infinity);
  return { stack, node, app, signal: tornDown.signal };
}

/** Says where everything is, and waits. Ctrl-C ends the whole run. */
async function untilInterrupted({ directory, logs, vault }: Stack, { name, kubelet }: Node): Promise<never> {
  console.log(`e2e: ${name} is kept until Ctrl-C. Another shell sees its volumes after
  nsenter --target "$(pgrep --parent "$(cat ${directory}/pid)")" --mount --net --pid
  export KUBECONFIG=${directory}/kube/admin.kubeconfig VAULT_ADDR=${vault.address} VAULT_TOKEN=${vault.token}
  cd ${kubelet.root}; ls ${logs}/${name}`);
  return new Promise(() => setInterval(() => undefined, 60_000));
}
