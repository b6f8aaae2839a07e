const faults: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a directory",
  EEXIST: "there is a file of that name already",
  EROFS: "the file system is read-only",
  ENOSPC: "no space is left",
  ENAMETOOLONG: "its name is too long",
  ERR_ENCODING_INVALID_ENCODED_DATA: "it is not UTF-8: save it so (PowerShell's > writes UTF-16)",
};

/** What is wrong with a file, in words instead of Node's. */
export function fileFault({ code, message }: NodeJS.ErrnoException): string {
  return faults[code ?? ""] ?? code ?? message;
}
