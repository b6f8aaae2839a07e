import { DriverClient } from "../driver/driver-client.js";
import { type Clock, systemClock } from "../shared/clock.js";
import { chosenClass } from "./chosen-class.js";
import type { Command, CommandIo } from "./command-io.js";
import { commandTable } from "./command-table.js";
import { defineCommand } from "./define-command.js";
import { wantsJson } from "./json-output.js";
import { type MountArguments, mountArguments } from "./mount-arguments.js";
import { mountEvents } from "./mount-events.js";
import { JsonMountReport, type MountReport, TextMountReport } from "./mount-report.js";
import type { TokenSource } from "./pod-token.js";
import { checkProviderSocket, providerSocket } from "./provider-socket.js";
import { type Mounted, publishVolume, type Published } from "./publish-volume.js";
import { prepareVolume } from "./volume-directory.js";

/** `keymount mount`. `tokenSource` is asked where no token file is named. */
export function mountCommand(tokenSource: TokenSource = noToken, clock: Clock = systemClock): Command {
  return defineCommand("mount", commandTable.mount, ({ values }, io, signal) => {
    const args = mountArguments(values);
    const report = wantsJson(values) ? new JsonMountReport(io, clock, args.watch) : new TextMountReport(io, clock);
    return mount(args, { io, tokenSource, clock, report }, signal);
  });
}

const noToken: TokenSource = () => Promise.resolve(undefined);

interface Stage {
  io: CommandIo;
  tokenSource: TokenSource;
  clock: Clock;
  report: MountReport;
}

async function mount(args: MountArguments, stage: Stage, signal: AbortSignal): Promise<number> {
  const written = await chosenClass(args.file, args.className, stage.io);
  const socketPath = args.socket ?? providerSocket(written.provider!);
  await prepareVolume(args.out);
  await checkProviderSocket(socketPath, signal);
  const client = new DriverClient(socketPath, { timeoutMs: args.timeoutMs });
  try {
    const publish = () => publishVolume({ args, written, socketPath, client, ...stage }, signal);
    const first = await publish();
    if (!first.ok) {
      stage.report.failed(first);
      return 1;
    }
    stage.report.mounted(first, written.name, args.out);
    return args.watch ? await watch(first, publish, args.intervalMs, stage, signal) : 0;
  } finally {
    client.close();
  }
}

async function watch(
  first: Mounted,
  publish: () => Promise<Published>,
  intervalMs: number,
  { clock, report }: Stage,
  signal: AbortSignal,
): Promise<number> {
  let mounted = first;
  let before: Published = first;
  try {
    for (;;) {
      await clock.sleep(intervalMs, signal);
      const after = await publish();
      for (const event of mountEvents(mounted, before, after)) report.changed(event);
      if (after.ok) mounted = after;
      before = after;
    }
  } catch (error) {
    if (signal.aborted) return 0;
    throw error;
  }
}
