import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { inject } from "vitest";
import { Helm } from "../stack/helm.js";
import { KubeApi } from "../stack/kube-api.js";

const { directory, kubernetes } = inject("stack");

/** What chart tests share: helm with and without the API server, and the API server itself. */
export const { binaries } = inject("stack");
export const api = new KubeApi(kubernetes);
export const helm = new Helm(binaries.helm, join(directory, "kube", "admin.kubeconfig"));
export const offline = new Helm(binaries.helm);

/** The API server, with the rights of this token. */
export const apiAs = ({ token }: { token: string }) => new KubeApi({ ...kubernetes, token });

export async function newNamespace(): Promise<string> {
  const name = `chart-${randomBytes(3).toString("hex")}`;
  await api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  return name;
}
