import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export const chart = join(import.meta.dirname, "..", "..", "deploy", "chart");

/** The Kubernetes that `helm template` renders for; it knows of no cluster. */
const kubeVersion = "v1.34.4";

/** helm, which keeps all it writes in a folder that goes with the call. Without a kubeconfig it reaches no cluster. */
export class Helm {
  constructor(
    readonly binary: string,
    readonly kubeconfig?: string,
  ) {}

  /** Manifests as YAML documents. Throws what helm says when the values do not fit. */
  async template(release: string, namespace: string, values: object, signal: AbortSignal): Promise<string> {
    return this.#withValues(values, (file) =>
      this.run(
        ["template", release, chart, `--namespace=${namespace}`, `--kube-version=${kubeVersion}`, `--values=${file}`],
        signal,
      ),
    );
  }

  /** Installs the chart, or upgrades the release, and waits until it is ready. */
  async upgrade(release: string, namespace: string, values: object, signal: AbortSignal): Promise<void> {
    await this.#upgrade(release, namespace, values, ["--wait", "--timeout=90s"], signal);
  }

  /** The same without waiting, where no controller would make a DaemonSet's pods. */
  async apply(release: string, namespace: string, values: object, signal: AbortSignal): Promise<void> {
    await this.#upgrade(release, namespace, values, [], signal);
  }

  /** What helm would print after installing; nothing is installed. */
  async notes(release: string, namespace: string, values: object, signal: AbortSignal): Promise<string> {
    const said = await this.#withValues(values, (file) =>
      this.run(["install", release, chart, "--dry-run=server", `--namespace=${namespace}`, `--values=${file}`], signal),
    );
    return said.slice(said.indexOf("NOTES:"));
  }

  async uninstall(release: string, namespace: string, signal: AbortSignal): Promise<void> {
    await this.run(["uninstall", release, "--wait", "--timeout=60s", `--namespace=${namespace}`], signal);
  }

  /** Any command of helm's; what it prints. */
  async run(args: readonly string[], signal: AbortSignal): Promise<string> {
    const home = await mkdtemp(join(tmpdir(), "km-helm-"));
    try {
      const env = { PATH: process.env["PATH"], HOME: home, ...(this.kubeconfig && { KUBECONFIG: this.kubeconfig }) };
      const { stdout } = await run(this.binary, args, { env, signal, maxBuffer: 64 << 20 });
      return stdout;
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  }

  async #upgrade(release: string, namespace: string, values: object, how: readonly string[], signal: AbortSignal) {
    const flags = ["--install", "--create-namespace", `--namespace=${namespace}`, ...how];
    await this.#withValues(values, (file) =>
      this.run(["upgrade", release, chart, ...flags, `--values=${file}`], signal),
    );
  }

  async #withValues<T>(values: object, act: (file: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), "km-values-"));
    try {
      const file = join(folder, "values.json");
      await writeFile(file, JSON.stringify(values));
      return await act(file);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
