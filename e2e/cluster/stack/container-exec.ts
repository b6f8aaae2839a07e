import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { shellQuoted } from "../../../src/shared/shell-quoted.js";

/**
 * A shell in a container, run as the container's user, that stays for the next command: to start one takes runc, ctr and
 * a shim half a second of CPU, and tests look into a pod ten times a second.
 */
class ContainerShell {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  #said = { stdout: "", stderr: "" };
  #heard: () => void = () => undefined;

  constructor(containerd: string, container: string) {
    const ctr = [
      `--address=${containerd}`,
      "--namespace=k8s.io",
      "tasks",
      "exec",
      "--exec-id",
      randomUUID(),
      container,
    ];
    this.#child = spawn("ctr", [...ctr, "sh"]);
    this.#closed = once(this.#child, "close").catch(() => undefined);
    // It ends with the test's process, whose end of its input it is.
    this.#child.unref();
    for (const stream of ["stdout", "stderr"] as const) {
      (this.#child[stream] as Socket).unref().setEncoding("utf8");
      this.#child[stream].on("data", (chunk: string) => {
        this.#said[stream] += chunk;
        this.#heard();
      });
    }
    this.#child.stdin.on("error", () => undefined);
  }

  /** What a command prints. Throws when it fails, or when the container is gone. */
  async run(command: readonly string[]): Promise<string> {
    const mark = randomUUID();
    this.#said = { stdout: "", stderr: "" };
    const isOver = () => Object.values(this.#said).every((text) => text.endsWith(`${mark}\n`));
    const over = new Promise<void>((resolve) => (this.#heard = () => isOver() && resolve()));
    // A command under way holds the test's process, as a shell without one must not.
    const alive = setInterval(() => undefined, 60_000);
    try {
      this.#child.stdin.write(
        `${command.map(shellQuoted).join(" ")} < /dev/null; echo " $? ${mark}"; echo "${mark}" >&2\n`,
      );
      await Promise.race([over, this.#ended(command)]);
    } finally {
      clearInterval(alive);
    }
    const stdout = this.#said.stdout.slice(0, -mark.length - 2);
    const end = stdout.lastIndexOf(" ");
    const code = stdout.slice(end + 1);
    if (code === "0") return stdout.slice(0, end);
    throw new Error(`${command.join(" ")} ended with ${code}: ${this.#said.stderr.replace(mark, "").trim()}`);
  }

  get isOpen(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async #ended(command: readonly string[]): Promise<never> {
    await this.#closed;
    throw new Error(`${command.join(" ")}: the container's shell ended: ${this.#said.stderr.trim()}`);
  }
}

/** By container: its shells that run nothing. */
const idle = new Map<string, ContainerShell[]>();

/** What a command prints in a container of that containerd, run as the container's user. Throws when it fails. */
export async function execInContainer(
  containerd: string,
  container: string,
  command: readonly string[],
): Promise<string> {
  const key = `${containerd} ${container}`;
  const shells = idle.get(key) ?? [];
  idle.set(key, shells);
  let shell = shells.pop();
  while (shell && !shell.isOpen) shell = shells.pop();
  shell ??= new ContainerShell(containerd, container);
  try {
    return await shell.run(command);
  } finally {
    if (shell.isOpen) shells.push(shell);
  }
}
