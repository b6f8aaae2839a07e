import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";

/**
 * Runs "$@", says on both streams that it has ended, and stays until it is let go: of a process that ends at once, ctr
 * now and then delivers nothing that it wrote.
 */
const stayUntilHeard = `"$@" < /dev/null; code=$?; echo "$0"; echo "$0" >&2; read -r line; exit $code`;

/** What a command prints in a container of that containerd, run as the container's user. Throws when it fails. */
export async function execInContainer(
  containerd: string,
  container: string,
  command: readonly string[],
): Promise<string> {
  const mark = randomUUID();
  const ctr = [`--address=${containerd}`, "--namespace=k8s.io", "tasks", "exec", "--exec-id", mark, container];
  const child = spawn("ctr", [...ctr, "sh", "-c", stayUntilHeard, mark, ...command]);
  const said = { stdout: "", stderr: "" };
  const isOver = () => Object.values(said).every((text) => text.endsWith(`${mark}\n`));
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (chunk: string) => {
      said[stream] += chunk;
      if (isOver()) child.stdin.end("\n");
    });
  }
  child.stdin.on("error", () => undefined);
  const [code] = (await once(child, "close")) as [number | null];
  if (code === 0 && isOver()) return said.stdout.slice(0, -mark.length - 1);
  throw new Error(`${command.join(" ")} ended with ${code}: ${said.stderr.replace(mark, "").trim()}`);
}
