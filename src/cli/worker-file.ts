/** The code of the process that makes templates and keystores: `npm run build` writes it beside the bundle. */
export const workerFile = new URL("./keymount-worker.js", import.meta.url);
