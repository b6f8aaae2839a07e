import type { Application, ClassOptions, ClassParameters } from "../../stack/application.js";
import type { VaultApi } from "../../stack/vault-api.js";
import type { Cluster } from "./cluster.js";
import type { PodOptions } from "./workloads.js";
import { mountedVolumes, type Seen, watchVolumes } from "./volume-watch.js";

/** A secret that a pod gets as two files, so that half a volume can be told from a whole one. */
export interface TwoFiles {
  /** Of a pod with the class; the name is one that no other file of cases has. */
  readonly volumes: PodOptions["volumes"];
  readonly volume: string;
  /** What the files hold after `write(password)`. */
  readonly texts: (password: string) => Record<string, string>;
  /** Changes the secret in Vault; in the application's, unless said. */
  readonly write: (password: string, vault?: VaultApi) => Promise<unknown>;
  /** How many pods have both files. */
  readonly mounted: () => Promise<number>;
  /** Watches all pods with the class, until it is called. */
  readonly watch: () => () => Promise<Seen>;
}

/** The secret with the password `1`, and a class that re-reads it at each republish. */
export async function twoFiles(
  cluster: Cluster,
  app: Application,
  { label = "db", ...parameters }: { label?: string } & ClassParameters = {},
  options: ClassOptions = {},
): Promise<TwoFiles> {
  const path = `${app.namespace}/${label}`;
  const volume = path.replace("/", "-");
  const texts = (password: string) => ({ password, user: "app" });
  const write = (password: string, vault = app.vault) => vault.writeSecret(path, texts(password));
  await write("1");
  const files = Object.keys(texts(""));
  const objects = files.map((objectName) => ({
    objectName,
    secretPath: `secret/data/${path}`,
    secretKey: objectName,
    refreshInterval: "1s",
  }));
  const secretProviderClass = await app.createClass({ objects, ...parameters }, options);
  return {
    volumes: { [volume]: { secretProviderClass } },
    volume,
    texts,
    write,
    mounted: () => mountedVolumes(cluster.nodeRoot, volume, files),
    watch: () => watchVolumes(cluster.nodeRoot, volume, files),
  };
}
