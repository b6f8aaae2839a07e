// Keeps compiled code of dist/keymount.js for the image: `node scripts/compile.js FLAG…`, in cache/. It is good for this
// very Node, with these very flags, at this very path; any other one recompiles silently.
import { execFileSync } from "node:child_process";
import { chmodSync, readdirSync, symlinkSync } from "node:fs";
import { root } from "./bundle.js";

const cache = `${root}cache`;
const env = { ...process.env, NODE_COMPILE_CACHE: cache };
execFileSync(process.execPath, [...process.argv.slice(2), `${root}dist/keymount.js`, "version"], { env });

// Node keeps a folder for each user, readable by that user alone. The chart's other user finds the same code.
for (const folder of readdirSync(cache)) {
  for (const file of readdirSync(`${cache}/${folder}`)) chmodSync(`${cache}/${folder}/${file}`, 0o644);
  symlinkSync(folder, `${cache}/${folder.replace(/-\d+$/, "-65532")}`);
}
