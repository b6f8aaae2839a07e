import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { buildPrograms } from "../stack/build-programs.js";
import { Helm } from "../stack/helm.js";
import { manifestsFile, renderManifests } from "./render-manifests.js";

// `npm run manifests`: deploy/manifests from the chart, by the helm that e2e builds.
const cache = join(process.env["KEYMOUNT_CACHE"] ?? join(homedir(), ".cache", "keymount"), "e2e");
const { signal } = new AbortController();
const { helm } = await buildPrograms(cache, "1.34", signal);
await mkdir(dirname(manifestsFile), { recursive: true });
await writeFile(manifestsFile, await renderManifests(new Helm(helm), signal));
