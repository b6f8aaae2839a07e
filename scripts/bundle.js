import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

export const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * keymount as one file: its code, and the modules it is made of. Writes nothing.
 *
 * @returns {Promise<{ code: string, moduleIds: string[] }>}
 */
export function bundle() {
  return oneFile("src/main.ts", "#!/usr/bin/env node");
}

/**
 * The code of the render worker, which most installations never start. It is a file of its own, so that the main process
 * does not have it in memory.
 *
 * @returns {Promise<{ code: string, moduleIds: string[] }>}
 */
export function bundleWorker() {
  return oneFile("src/render/worker.ts");
}

/**
 * The embedded Vault, and `keymount dev` with all that it runs in one process.
 *
 * @returns {Promise<{ code: string, moduleIds: string[] }>}
 */
export function bundleDev() {
  return oneFile("dev/cli/dev.ts");
}

async function oneFile(input, banner) {
  const { output } = await build({
    input: root + input,
    cwd: root,
    platform: "node",
    tsconfig: `${root}tsconfig.json`,
    // What dependencies require and keymount never uses: another HTTP client, schemas and templates of node-vault's commands, its
    // debug output, .proto files, traces.
    resolve: {
      alias: {
        "@grpc/proto-loader": `${root}src/rpc/proto-loader-stub.ts`,
        axios: `${root}src/vault/node-vault-stub.ts`,
        tv4: `${root}src/vault/node-vault-stub.ts`,
        mustache: `${root}src/vault/node-vault-stub.ts`,
        debug: `${root}src/vault/debug-stub.ts`,
        "@opentelemetry/api": `${root}src/telemetry/opentelemetry-stub.ts`,
      },
    },
    plugins: [plainBuiltins, eagerModules, withoutCommands, withoutJsonSchemas],
    output: {
      format: "esm",
      minify: true,
      // One file: what is loaded when it is first needed is in it too.
      codeSplitting: false,
      banner,
    },
    write: false,
    logLevel: "warn",
  });
  if (output.length !== 1) throw new Error(`the build made ${output.length} files instead of one`);
  const [{ code, moduleIds }] = output;
  const native = code.match(/[\w./-]+\.node["'`]/);
  if (native) throw new Error(`the bundle asks for a native module: ${native[0]}`);
  return { code: inAscii(code), moduleIds };
}

/** node-vault's table of Vault's API, which it makes its methods of: keymount gives it an empty one. */
const withoutCommands = {
  name: "without-commands",
  load: (id) => (id.endsWith("/node_modules/node-vault/src/commands.js") ? "module.exports = {};" : null),
};

/** zod's writer of JSON schemas, which nothing but `npm run schemas` uses, as functions that do nothing: 2 % of the code. */
const withoutJsonSchemas = {
  name: "without-json-schemas",
  async load(id) {
    if (!/\/zod\/v4\/core\/(to-json-schema|json-schema-processors)\.js$/.test(id)) return null;
    const exported = (await readFile(id, "utf8")).matchAll(/^export (?:const|function) (\w+)/gm);
    return Array.from(exported, ([, name]) => `export const ${name} = () => {};`).join("\n");
  },
};

/**
 * Takes modules of Node's own as `require` would. An `import` reads all that they export, and so runs getters that load what
 * is never used: `node:http` has one that loads undici (lib/http.js, `lazyUndici`), on Node 22: 20 ms of the start, and 3 MiB.
 */
const plainBuiltins = {
  name: "plain-builtins",
  resolveId: (id, _importer, { kind }) =>
    kind === "import-statement" && id.startsWith("node:") ? { id: `\0${id}`, moduleSideEffects: false } : null,
  load(id) {
    if (!id.startsWith("\0node:")) return null;
    const name = JSON.stringify(id.slice(1));
    const names = Object.getOwnPropertyNames(process.getBuiltinModule(id.slice(1))).filter((one) =>
      /^[a-z]\w*$/i.test(one),
    );
    // Pure: what nothing imports is left out.
    const exported = names.map(
      (one) => `const $${one} = /* @__PURE__ */ (() => builtin.${one})(); export { $${one} as ${one} };`,
    );
    return `const builtin = /* @__PURE__ */ process.getBuiltinModule(${name}); export default builtin; ${exported.join("\n")}`;
  },
};

/**
 * Writes what wraps a module as a function in parentheses, which V8 compiles at once with the file, and so into the image's
 * compile cache. Of an arrow in parentheses it thinks no more than of any other function: compiled when it is first called,
 * those took 30 ms of the start.
 */
const eagerModules = {
  name: "eager-modules",
  renderChunk: (code) =>
    code
      .replace(/(__esmMin\(\()\(\) =>(?= \{)/g, "$1function()")
      .replace(/(__commonJSMin\(\()(\([\w$, ]*\)) =>(?= \{)/g, "$1function$2"),
};

/** With nothing but ASCII in it V8 keeps the text in one byte a character: 1.4 MB less memory. */
function inAscii(code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
