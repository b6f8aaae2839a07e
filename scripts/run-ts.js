// Runs a TypeScript file with this Node, which need not know types: `node scripts/run-ts.js FILE ARGUMENT…`
// Our own files become one; packages stay where they are. What it throws names places in the TypeScript.
import { rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const [entry, ...args] = process.argv.slice(2);
const folder = `${root}.cache/run-ts`;
const file = `${folder}/${process.pid}.js`;

const { output } = await build({
  input: resolve(entry),
  cwd: root,
  platform: "node",
  tsconfig: `${root}tsconfig.json`,
  external: /^[^./]/,
  plugins: [{ name: "dirname", transform: ownDirname }],
  output: { file, format: "esm", sourcemap: "inline", codeSplitting: false },
  write: false,
  logLevel: "warn",
});

await mkdir(folder, { recursive: true });
await writeFile(file, output[0].code);
process.once("exit", () => rmSync(file, { force: true }));
process.setSourceMapsEnabled(true);
process.argv = [process.argv[0], resolve(entry), ...args];
await import(pathToFileURL(file).href);

/** Each file's own folder, although all become one file in another. No line moves. */
function ownDirname(code, id) {
  if (!code.includes("import.meta.dirname")) return null;
  return { code: code.replaceAll("import.meta.dirname", JSON.stringify(dirname(id))), map: null };
}
