import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const file = `${root}dist/keymount.js`;

const { output } = await build({
  input: `${root}src/main.ts`,
  cwd: root,
  platform: "node",
  tsconfig: `${root}tsconfig.json`,
  // node-vault asks for axios; its requests go through our transport, so a stub that throws takes its place.
  resolve: { alias: { axios: `${root}src/vault/axios-stub.ts` } },
  output: {
    file,
    format: "esm",
    minify: true,
    // One file: what is loaded when it is first needed is in it too.
    codeSplitting: false,
    banner: "#!/usr/bin/env node",
  },
  logLevel: "warn",
});

if (output.length !== 1) throw new Error(`the build made ${output.length} files instead of one`);
const code = await readFile(file, "utf8");
const native = code.match(/[\w./-]+\.node["'`]/);
if (native) throw new Error(`the bundle asks for a native module: ${native[0]}`);
// With nothing but ASCII in it V8 keeps the text in one byte a character: 1.4 MB less memory.
await writeFile(
  file,
  code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
);
await chmod(file, 0o755);
console.log(`dist/keymount.js  ${Math.round((await stat(file)).size / 1024)} KiB`);
