import type { StaleObject } from "../driver/driver-client.js";
import type { Clock } from "../shared/clock.js";
import { named } from "../shared/quoted.js";
import { escapeUnprintable } from "../shared/shown-text.js";
import type { CommandIo } from "./command-io.js";
import type { MountEvent } from "./mount-events.js";
import { type FileChange, fileTable, modeText, shortVersion } from "./mounted-files.js";
import { painter } from "./paint.js";
import type { Mounted, Refusal } from "./publish-volume.js";

/** Tells of a volume's mounts: the first, and with --watch what each later one changes. */
export interface MountReport {
  mounted(mounted: Mounted, className: string, directory: string): void;
  /** The first mount was refused. */
  failed(refusal: Refusal): void;
  changed(event: MountEvent): void;
}

/** For people. */
export class TextMountReport implements MountReport {
  readonly #io: CommandIo;
  readonly #clock: Clock;

  constructor(io: CommandIo, clock: Clock) {
    this.#io = io;
    this.#clock = clock;
  }

  mounted({ files, pod, stale }: Mounted, className: string, directory: string): void {
    const { stdout, stderr } = this.#io;
    const [titles = "", ...rows] = fileTable(files);
    stdout.write(`${painter(stdout)("bold", titles)}\n${rows.map((row) => `${row}\n`).join("")}`);
    const bearer = `${named(`${pod.namespace}/${pod.name}`)} (service account ${named(pod.serviceAccount)})`;
    const count = `${files.length} ${files.length === 1 ? "file" : "files"}`;
    stderr.write(`mounted ${named(className)} for ${bearer} at ${directory}: ${count}\n`);
    if (stale.length > 0) stderr.write(`${painter(stderr)("yellow", staleText(stale))}\n`);
  }

  failed(refusal: Refusal): void {
    writeRefusal(refusal, this.#io);
  }

  changed(event: MountEvent): void {
    const time = new Date(this.#clock.wall()).toISOString().slice(11, 19);
    this.#io.stdout.write(`${time}Z ${eventText(event)}\n`);
  }
}

/** For programs: one object for each event; see docs/commands.md. */
export class JsonMountReport implements MountReport {
  readonly #io: CommandIo;
  readonly #clock: Clock;
  readonly #indent: number;

  /** With `perLine` each object is one line, as for a stream of them. */
  constructor(io: CommandIo, clock: Clock, perLine: boolean) {
    this.#io = io;
    this.#clock = clock;
    this.#indent = perLine ? 0 : 2;
  }

  mounted({ files, pod, stale }: Mounted, className: string, directory: string): void {
    const shown = files.map(({ path, mode, bytes, version }) => ({ path, mode: modeText(mode), bytes, version }));
    const { namespace, name, serviceAccount, uid } = pod;
    const bearer = { namespace, name, serviceAccount, uid };
    this.#say("mounted", { class: className, pod: bearer, directory, files: shown, stale });
  }

  failed(refusal: Refusal): void {
    this.#say("refused", { code: refusal.code, message: refusal.message });
    writeRefusal(refusal, this.#io);
  }

  changed(event: MountEvent): void {
    this.#say(event.event, { ...event, from: undefined });
  }

  #say(event: string, what: object): void {
    const time = new Date(this.#clock.wall()).toISOString();
    this.#io.stdout.write(`${JSON.stringify({ event, time, ...what }, null, this.#indent)}\n`);
  }
}

function writeRefusal(refusal: Refusal, { stderr }: CommandIo): void {
  stderr.write(`${painter(stderr)("red", refusalText(refusal))}\n`);
  if (!refusal.withToken) stderr.write("(no service account token was sent; give one with --token-file)\n");
}

/** Any provider may listen there, so its words cannot move a terminal's cursor. */
function refusalText({ code, message }: Pick<Refusal, "code" | "message">): string {
  return `${code}: ${oneLine(message)}`;
}

function staleText(stale: readonly StaleObject[]): string {
  const reasons = stale.map(({ object, code, message }) => `${named(object)}: ${code}: ${oneLine(message)}`);
  return `served stale, from the cache: ${reasons.join("; ")}`;
}

function eventText(event: MountEvent): string {
  switch (event.event) {
    case "refused":
      return `${refusalText(event)} (the files stay as they are)`;
    case "answered":
      return "answers again";
    case "stale":
      return staleText(event.stale);
    case "fresh":
      return "fresh again: every object is as Vault has it";
    default:
      return changeText(event);
  }
}

function changeText({ event, path, version, from }: FileChange): string {
  const versions = [from, version].filter((one) => one !== undefined).map(shortVersion);
  return `${event.padEnd(7)}  ${named(path)}${versions.length > 0 ? `  ${versions.join(" → ")}` : ""}`;
}

function oneLine(text: string): string {
  return escapeUnprintable(text.replace(/[\r\n]/g, " "));
}
