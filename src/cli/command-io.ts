/** What a command may touch of the world. */
export interface CommandIo {
  /** What a person types to run keymount. */
  program: string;
  stdin?: { isTTY?: boolean };
  stdout: CommandStream;
  stderr: CommandStream;
  readFile(path: string): Promise<string>;
}

export interface CommandStream {
  write(text: string): unknown;
  /** Colour and progress are for people only. */
  isTTY?: boolean;
}

export interface Command {
  help: string;
  /** Gives the exit code. */
  run(argv: readonly string[], io: CommandIo, signal: AbortSignal): Promise<number>;
}
