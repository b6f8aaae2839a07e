import { ProviderError } from "../shared/errors.js";
import { readClassFile, type WrittenClass } from "./class-file.js";
import { named } from "../shared/quoted.js";
import type { CommandIo } from "./command-io.js";
import { positionOf } from "../shared/text-position.js";
import { readText } from "./read-text.js";

/**
 * The one class of a file, or the one named. Throws `invalid_request` for what an API server would not take; mistakes of classes
 * that are not chosen are theirs.
 */
export async function chosenClass(file: string, className: string | undefined, io: CommandIo): Promise<WrittenClass> {
  const text = await readText(file, io);
  const { classes, skipped, remarks } = readClassFile(text);
  const found = className === undefined ? classes : classes.filter(({ name }) => name === className);
  const ofOthers = found.length === 1 ? classes.filter((one) => one !== found[0]).flatMap((one) => one.remarks) : [];
  const mistake = remarks.find((remark) => remark.level === "mistake" && !ofOthers.includes(remark));
  if (mistake) {
    const { line, column } = positionOf(text, mistake.offset);
    throw wrong(`${file}:${line}:${column}: ${mistake.message}`);
  }
  if (found.length === 1) return found[0]!;
  const names = classes.map(({ name }) => name).join(", ");
  const others = skipped.flatMap(({ provider }) => provider ?? []);
  if (classes.length === 0 && others.length > 0) throw wrong(`${file} holds only classes of ${others.join(", ")}`);
  if (classes.length === 0) throw wrong(`${file} holds no SecretProviderClass`);
  const [{ name = "" } = {}, ...again] = found;
  if (again.length > 0 && found.every((one) => one.name === name)) {
    throw wrong(
      `${file} holds ${found.length} classes ${name === "" ? "without a name" : `called ${named(name)}`}; keep one`,
    );
  }
  throw wrong(
    found.length === 0 ? `${file} holds no class of that name, but ${names}` : `choose with --class among ${names}`,
  );
}

function wrong(message: string): ProviderError {
  return new ProviderError("invalid_request", message);
}
