import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** buildah with a store of its own, which goes when it is closed. It needs no daemon, and runs a build's commands in a chroot. */
export class Buildah {
  private constructor(
    readonly store: string,
    readonly signal: AbortSignal,
  ) {}

  static async open(signal: AbortSignal): Promise<Buildah> {
    return new Buildah(await mkdtemp(join(tmpdir(), "km-images-")), signal);
  }

  async close(): Promise<void> {
    await rm(this.store, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Makes an image of one layer, the folder's content. `config` are flags of `buildah config`. */
  async fromFolder(image: string, folder: string, config: readonly string[] = []): Promise<void> {
    const container = (await this.#run("from", "scratch")).trim();
    await this.#run("copy", "--quiet", container, folder, "/");
    await this.#run("config", ...config, container);
    await this.#run("commit", "--quiet", "--rm", container, image);
  }

  /** Builds the Dockerfile of a folder on images that are in the store. */
  async build(image: string, context: string, args: Readonly<Record<string, string>>): Promise<void> {
    const buildArgs = Object.entries(args).map(([name, value]) => `--build-arg=${name}=${value}`);
    await this.#run(
      "bud",
      "--isolation=chroot",
      "--pull=never",
      "--layers=false",
      ...buildArgs,
      `--tag=${image}`,
      context,
    );
  }

  /** Writes an OCI archive with the image's full name in it: without it, an import brings nothing and says so nowhere. */
  async write(image: string, archive: string): Promise<void> {
    await this.#run("push", "--quiet", image, `oci-archive:${archive}:${image}`);
  }

  async #run(command: string, ...args: string[]): Promise<string> {
    const store = ["--storage-driver=vfs", `--root=${this.store}/storage`, `--runroot=${this.store}/run`];
    const options = { signal: this.signal, maxBuffer: 64 << 20, env: { ...process.env, TMPDIR: this.store } };
    return (await run("buildah", [...store, command, ...args], options)).stdout;
  }
}
