import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/** Replaces a file atomically, or makes it: a failure leaves it as it was. Throws what the system does. */
export async function replaceFile(
  directory: string,
  name: string,
  bytes: Buffer,
  randomBytes: (size: number) => Buffer,
): Promise<void> {
  const temporary = join(directory, `.${name}.${randomBytes(6).toString("hex")}`);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(directory, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
