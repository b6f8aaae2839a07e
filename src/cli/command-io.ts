/** What a command may touch of the world. */
export interface CommandIo {
  /** What a person types to run keymount. */
  program: string;
  stdin?: { isTTY?: boolean };
  stdout: CommandStream;
  stderr: CommandStream;
  readFile(path: string): Promise<string>;
  /** What is in a directory; `undefined` for what is none. */
  readDirectory?(path: string): Promise<readonly DirectoryEntry[] | undefined>;
  /** Signals of the system go to `to`, and do not stop the command, until released. */
  takeSignals?(to: (name: NodeJS.Signals) => void): () => void;
}

export interface DirectoryEntry {
  name: string;
  /** Not of a link to one. */
  isDirectory: boolean;
}

export interface CommandStream {
  write(text: string): unknown;
  /** Whether text for people is coloured. */
  colours?: boolean;
}

export interface Command {
  /** Gives the exit code. */
  run(argv: readonly string[], io: CommandIo, signal: AbortSignal): Promise<number>;
}
