import { DriverClient } from "../driver/driver-client.js";
import type { MountingPod } from "../driver/mount-request.js";
import { type Clock, systemClock } from "../shared/clock.js";
import { ProviderError } from "../shared/errors.js";
import { escapeUnprintable } from "../shared/shown-text.js";
import { named } from "../shared/quoted.js";
import { chosenClass } from "./chosen-class.js";
import type { Command, CommandIo } from "./command-io.js";
import { type MountArguments, mountArguments } from "./mount-arguments.js";
import { fileChanges, fileTable, type MountedFile } from "./mounted-files.js";
import type { TokenSource } from "./pod-token.js";
import { checkProviderSocket, providerSocket } from "./provider-socket.js";
import { type Published, publishVolume, type Refusal } from "./publish-volume.js";
import { prepareVolume } from "./volume-directory.js";
import { painter } from "./paint.js";
import { refuseUsage } from "./wrong-usage.js";

const help = `Usage: keymount mount -f FILE --out DIR [OPTION…]

Plays the Secrets Store CSI driver: sends a running provider the Mount that the driver would send for a pod, and writes
the answer into DIR as the driver does. Prints the files, their modes, sizes and versions; never what is in them.

  -f, --file FILE          holds the SecretProviderClass
      --class NAME         which one, where the file holds several
  -o, --out DIR            the volume: empty, missing, or written by an earlier mount
      --token-file FILE    a service account token (kubectl create token …); it also says which pod and account, where the
                           options below do not. Without it, a running keymount dev is asked for one
      --audience NAME      of the token; by default what the token, then the class says, then vault
  -n, --namespace NAME     of the pod; by default the class's, then default
      --pod NAME           by default web-0
      --service-account NAME  by default "default"
      --uid UID            of the pod; by default made of its namespace and name
      --socket PATH        of the provider; by default /var/run/secrets-store-csi-providers/<spec.provider>.sock
      --timeout DURATION   for one mount; by default 2m, as a kubelet's
  -w, --watch              mount again and again, and print what changed, until interrupted; refusals leave the files alone
      --interval DURATION  between two mounts of --watch; by default 5s

Exit codes: 0 mounted (with --watch: until interrupted), 1 refused or failed, 2 wrong usage or no such class.
`;

/** `keymount mount`. `tokenSource` is asked where no token file is named. */
export function mountCommand(tokenSource: TokenSource = nobody, clock: Clock = systemClock): Command {
  return {
    help,
    run: (argv, io, signal) => run(argv, { io, tokenSource, clock }, signal),
  };
}

const nobody: TokenSource = () => Promise.resolve(undefined);

interface Stage {
  io: CommandIo;
  tokenSource: TokenSource;
  clock: Clock;
}

async function run(argv: readonly string[], stage: Stage, signal: AbortSignal): Promise<number> {
  const { io } = stage;
  const asked = mountArguments(argv);
  if (asked === "help") {
    io.stdout.write(help);
    return 0;
  }
  if ("mistake" in asked) return refuseUsage(io, "mount", asked.mistake);
  try {
    return await play(asked, stage, signal);
  } catch (error) {
    const { code, message } = ProviderError.from(error);
    io.stderr.write(`keymount mount: ${message}\n`);
    return code === "invalid_request" ? 2 : 1;
  }
}

async function play(asked: MountArguments, stage: Stage, signal: AbortSignal): Promise<number> {
  const written = await chosenClass(asked.file, asked.className, stage.io);
  const socketPath = asked.socket ?? providerSocket(written.provider!);
  await prepareVolume(asked.out);
  await checkProviderSocket(socketPath, signal);
  const client = new DriverClient(socketPath, { timeoutMs: asked.timeoutMs });
  try {
    const publish = () => publishVolume({ asked, written, socketPath, client, ...stage }, signal);
    const first = await publish();
    if (!first.ok) return refused(first, stage.io);
    report(first.files, `${named(written.name)} for ${nameOf(first.pod)} at ${asked.out}`, stage.io);
    return asked.watch ? await watch(first.files, publish, asked.intervalMs, stage, signal) : 0;
  } finally {
    client.close();
  }
}

async function watch(
  files: MountedFile[],
  publish: () => Promise<Published>,
  intervalMs: number,
  { io, clock }: Stage,
  signal: AbortSignal,
): Promise<number> {
  let shown = files;
  let trouble = "";
  const say = (line: string) => io.stdout.write(`${new Date(clock.wall()).toISOString().slice(11, 19)}Z ${line}\n`);
  try {
    for (;;) {
      await clock.sleep(intervalMs, signal);
      const round = await publish();
      const text = round.ok ? "" : refusalText(round);
      if (text !== trouble) say(text === "" ? "answers again" : `${text} (the files stay as they are)`);
      trouble = text;
      if (!round.ok) continue;
      for (const change of fileChanges(shown, round.files)) say(change);
      shown = round.files;
    }
  } catch (error) {
    if (signal.aborted) return 0;
    throw error;
  }
}

function report(files: readonly MountedFile[], what: string, io: CommandIo): void {
  const [titles = "", ...rows] = fileTable(files);
  io.stdout.write(`${painter(io.stdout)("bold", titles)}\n${rows.map((row) => `${row}\n`).join("")}`);
  io.stderr.write(`mounted ${what}: ${files.length} ${files.length === 1 ? "file" : "files"}\n`);
}

function refused(refusal: Refusal, io: CommandIo): number {
  io.stderr.write(`${painter(io.stderr)("red", refusalText(refusal))}\n`);
  if (!refusal.withToken) io.stderr.write("(no service account token was sent; give one with --token-file)\n");
  return 1;
}

/** Any provider may listen there, so its words cannot move a terminal's cursor. */
function refusalText({ code, message }: Refusal): string {
  return `${code}: ${escapeUnprintable(message.replace(/[\r\n]/g, " "))}`;
}

function nameOf({ namespace, name, serviceAccount }: MountingPod): string {
  return `${named(`${namespace}/${name}`)} (service account ${named(serviceAccount)})`;
}
