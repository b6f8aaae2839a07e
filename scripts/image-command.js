// Makes `keymount` a command of the image, bin/keymount, for `kubectl exec … -- keymount leases`. There is neither a shell nor
// /usr/bin/env, so the bundle's first line names Node itself. It runs before compile.js: code is compiled as it stands.
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { root } from "./bundle.js";

const bundle = `${root}dist/keymount.js`;
await writeFile(bundle, (await readFile(bundle, "utf8")).replace(/^#!.*/, `#!${process.execPath}`));
await mkdir(`${root}bin`);
await symlink(bundle, `${root}bin/keymount`);
