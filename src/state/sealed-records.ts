import { createHash, createHmac } from "node:crypto";
import { constants, rmSync } from "node:fs";
import { lstat, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { deriveKey, keyLabels } from "../shared/derived-key.js";
import { ProviderError } from "../shared/errors.js";
import { fileFault } from "../shared/file-fault.js";
import { Redacted } from "../shared/redacted.js";
import { replaceFile } from "./replace-file.js";
import { seal, sealBytes, unseal } from "./sealed-bytes.js";
import { makeSubdirectory } from "./state-directory.js";
import type { StateEvent } from "./state-event.js";

/** The owner of the records; those of another node, provider or boot cannot be read with the same key. */
export interface RecordContext {
  provider: string;
  node: string;
  bootId: string;
}

export interface SealedRecordsParts {
  /** As returned by `openStateDirectory`. */
  directory: string;
  /** The subdirectory; records of one cannot be read as those of another. */
  folder: "records" | "offline";
  /** As returned by `openStateKey`. */
  key: Redacted<Buffer>;
  context: RecordContext;
  randomBytes: (size: number) => Buffer;
  /** Milliseconds since the epoch: quarantined files are named after it. */
  wall: () => number;
  /** As `replaceFile` has it. */
  onDisk: boolean;
  emit: (event: StateEvent) => void;
}

/** A record's file: this, and the sealed bytes. */
const magic = Buffer.from("keymount");
const schema = 1;
const bootDigestBytes = 8;
const headerBytes = magic.length + 1 + bootDigestBytes;
/**
 * Larger ones are not read: a record is in memory several times while it is restored. What may be written is bounded below:
 * credentials (`mostCredentialBytes`), twice while all are replaced, static answers beside them, and what names them.
 */
const largestFile = 12 << 20;
const mostSetAside = 100;

/** The time in which the configuration can be corrected before an abandoned record is removed. */
const abandonedForMs = 24 * 60 * 60_000;

/** A record that was found, with the name of its file. */
export interface FoundRecord {
  name: string;
  payload: Redacted<Buffer>;
}

/** Why a file gives no record: it is of another boot; it is none, or not whole; or the system fails to read it, and it may be whole. */
type RecordFault =
  | { fault: "otherBoot" }
  | { fault: "damaged"; because: string }
  | { fault: "unreadable"; error: NodeJS.ErrnoException };

/** One owner's write that has begun, and the newest that waits for it. */
interface Turn {
  underWay: Promise<void>;
  next: { payload: Redacted<Buffer> | undefined; done: Promise<void> } | undefined;
}

/**
 * Records that outlive the process: one file each, sealed with AES-256-GCM, replaced atomically. Neither names nor
 * contents reveal anything. A failed write leaves the record unchanged.
 */
export class SealedRecords {
  readonly #parts: SealedRecordsParts;
  readonly #key: Redacted<Buffer>;
  readonly #bootDigest: Buffer;
  readonly #turns = new Map<string, Turn>();
  readonly #abandoned = new Set<string>();
  /** Write times of the records that were found, by name; milliseconds since the epoch. */
  readonly #writtenAt = new Map<string, number>();
  #folders: { records: string; quarantine: string } | undefined;

  constructor(parts: SealedRecordsParts) {
    const { folder, context } = parts;
    const { provider, node, bootId } = context;
    this.#parts = parts;
    this.#key = deriveKey(parts.key, `${keyLabels.state}\n${JSON.stringify([folder, provider, node, bootId])}`);
    this.#bootDigest = createHash("sha256").update(bootId).digest().subarray(0, bootDigestBytes);
  }

  /**
   * The records of the previous process, each read when it is asked for. One that is damaged or foreign is quarantined, and one
   * that the system fails to read stays: neither prevents the start. A half written one is removed. Take all of them before the
   * first write.
   */
  async *readAll(signal: AbortSignal): AsyncGenerator<FoundRecord, void, undefined> {
    const { directory, folder, emit } = this.#parts;
    const records = await makeSubdirectory(directory, folder);
    const quarantine = await makeSubdirectory(directory, "quarantine");
    this.#folders = { records, quarantine };
    let ofAnotherBoot = 0;
    for (const name of await readdir(records)) {
      signal.throwIfAborted();
      const path = join(records, name);
      if (name.startsWith(".")) {
        await removeLeftover(path); // Half written.
        continue;
      }
      const read = await this.#tryToRead(path, name);
      if (!("fault" in read)) yield read;
      else if (read.fault === "otherBoot") {
        ofAnotherBoot += 1;
        await removeLeftover(path);
      } else if (read.fault === "unreadable" && folder === "records") {
        emit({
          kind: "recordSetAside",
          file: name,
          because: `${whyUnreadable(read.error)}; it stays for the next start`,
        });
      } else {
        // Also a copy that cannot be read now: one that nobody knows of could not be ended.
        await this.#setAside(
          path,
          name,
          quarantine,
          read.fault === "damaged" ? read.because : whyUnreadable(read.error),
        );
      }
    }
    if (ofAnotherBoot > 0) emit({ kind: "recordsOfAnotherBoot", count: ofAnotherBoot });
  }

  /** Abandons the record of this name: it is removed once it is a day old, unless it is written again before. */
  abandon(name: string): void {
    this.#abandoned.add(name);
  }

  /** Removes abandoned records whose time is over; call it regularly. */
  prune(): void {
    if (!this.#folders) return;
    for (const name of this.#abandoned) {
      if (this.#parts.wall() - (this.#writtenAt.get(name) ?? 0) < abandonedForMs) continue;
      this.#abandoned.delete(name);
      rmSync(join(this.#folders.records, name), { force: true }); // At once, so that no write of the same name comes between.
    }
  }

  /** The record; `undefined` where it is missing or damaged. Throws `internal` where the system fails to read it. */
  async read(id: string): Promise<Redacted<Buffer> | undefined> {
    if (!this.#folders) return undefined;
    const name = this.#nameOf(id);
    const read = await this.#tryToRead(join(this.#folders.records, name), name);
    if (!this.#abandoned.has(name)) this.#writtenAt.delete(name);
    if (!("fault" in read)) return read.payload;
    if (read.fault === "unreadable") throw this.#failed("read", read.error);
    return undefined;
  }

  /** Resolves when the record is this payload, or a newer one. Throws `internal`, and the record is as it was. */
  write(id: string, payload: Redacted<Buffer>): Promise<void> {
    return this.#inTurn(id, payload);
  }

  /** The same for the removal of the record. */
  remove(id: string): Promise<void> {
    return this.#inTurn(id, undefined);
  }

  /** One operation at a time for each record; of those that wait, only the newest runs. */
  #inTurn(id: string, payload: Redacted<Buffer> | undefined): Promise<void> {
    const turn = this.#turns.get(id);
    if (!turn) return this.#begin(id, payload);
    if (turn.next) {
      turn.next.payload = payload;
      return turn.next.done;
    }
    const next: NonNullable<Turn["next"]> = {
      payload,
      done: turn.underWay.catch(() => undefined).then(() => this.#begin(id, next.payload)),
    };
    turn.next = next;
    return next.done;
  }

  #begin(id: string, payload: Redacted<Buffer> | undefined): Promise<void> {
    const name = this.#nameOf(id);
    this.#abandoned.delete(name);
    const underWay = this.#writeOrRemove(name, payload);
    const turn: Turn = { underWay, next: undefined };
    this.#turns.set(id, turn);
    const over = () => {
      if (this.#turns.get(id) === turn && !turn.next) this.#turns.delete(id);
    };
    underWay.then(over, over);
    return underWay;
  }

  async #writeOrRemove(name: string, payload: Redacted<Buffer> | undefined): Promise<void> {
    if (!this.#folders) throw new Error("readAll comes before the first write");
    const { records } = this.#folders;
    try {
      if (payload) await replaceFile(records, name, this.#sealed(name, payload), this.#parts);
      else await rm(join(records, name), { force: true });
    } catch (cause) {
      throw this.#failed("written", cause as NodeJS.ErrnoException);
    }
  }

  #failed(what: "read" | "written", cause: NodeJS.ErrnoException): ProviderError {
    const { code = "unknown" } = cause;
    const message = `a record in the state directory ${this.#parts.directory} cannot be ${what} (${code})`;
    return new ProviderError("internal", message, { cause });
  }

  #nameOf(id: string): string {
    return createHmac("sha256", this.#key.reveal()).update(id).digest("hex").slice(0, 40);
  }

  #sealed(name: string, payload: Redacted<Buffer>): Buffer {
    const header = Buffer.concat([magic, Buffer.from([schema]), this.#bootDigest]);
    const boundTo = Buffer.concat([header, Buffer.from(name)]);
    return Buffer.concat([header, seal(payload, this.#key, this.#parts.randomBytes, boundTo)]);
  }

  async #tryToRead(path: string, name: string): Promise<FoundRecord | RecordFault> {
    try {
      return await this.#read(path, name);
    } catch (reason) {
      const error = reason as NodeJS.ErrnoException;
      return error.code === "ENOENT" ? damaged(whyUnreadable(error)) : { fault: "unreadable", error };
    }
  }

  async #read(path: string, name: string): Promise<FoundRecord | RecordFault> {
    const found = await lstat(path);
    if (!found.isFile()) return damaged("it is no file");
    if (found.uid !== process.geteuid?.() || found.nlink !== 1) return damaged("somebody else has put it there");
    if (found.size > largestFile)
      return damaged(`it has ${found.size} bytes, more than the ${largestFile} of the largest record`);
    this.#writtenAt.set(name, found.mtimeMs);
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return this.#unsealed(await file.readFile(), name);
    } finally {
      await file.close();
    }
  }

  #unsealed(bytes: Buffer, name: string): FoundRecord | RecordFault {
    const header = bytes.subarray(0, headerBytes);
    if (bytes.length < headerBytes + sealBytes || !header.subarray(0, magic.length).equals(magic)) {
      return damaged("it is no record, or only part of one");
    }
    if (header[magic.length] !== schema) return damaged("it was written by another version of keymount");
    if (!header.subarray(magic.length + 1).equals(this.#bootDigest)) return { fault: "otherBoot" };
    const boundTo = Buffer.concat([header, Buffer.from(name)]);
    const payload = unseal(bytes.subarray(headerBytes), this.#key, boundTo);
    return payload ? { name, payload } : damaged("it is damaged, or sealed with another key");
  }

  async #setAside(path: string, name: string, quarantine: string, because: string): Promise<void> {
    const { emit, wall } = this.#parts;
    let moved = true;
    try {
      const earlier = (await readdir(quarantine)).sort();
      for (const old of earlier.slice(0, Math.max(0, earlier.length - mostSetAside + 1))) {
        await rm(join(quarantine, old), { force: true, recursive: true });
      }
      await rename(path, join(quarantine, `${wall()}-${name.slice(0, 80)}`));
    } catch {
      moved = false;
    }
    emit({ kind: "recordSetAside", file: name, because: `${because}${moved ? "" : ", nor be moved"}` });
  }
}

function damaged(because: string): RecordFault {
  return { fault: "damaged", because };
}

/** A file that is left over does no harm. */
async function removeLeftover(path: string): Promise<void> {
  await rm(path, { force: true, recursive: true }).catch(() => undefined);
}

function whyUnreadable(error: NodeJS.ErrnoException): string {
  return `it cannot be read: ${fileFault(error)}`;
}
