import { request } from "node:https";

/** How to reach the API server as its administrator. Plain data: it travels to the test processes. */
export interface KubeAccess {
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; uid?: string; [field: string]: unknown };
  [field: string]: unknown;
}

/** The API server said no: its HTTP status and its own message. */
export class KubeError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The few calls that the tests make, with the administrator's rights. */
export class KubeApi {
  constructor(readonly access: KubeAccess) {}

  async create<T extends KubeObject>(object: T): Promise<T & { metadata: { uid: string } }> {
    return this.request("POST", collectionPath(object), object);
  }

  async get<T extends KubeObject = KubeObject>(object: KubeObject): Promise<T> {
    return this.request("GET", objectPath(object));
  }

  async list<T extends KubeObject = KubeObject>(kind: Pick<KubeObject, "apiVersion" | "kind">, namespace: string) {
    const path = collectionPath({ ...kind, metadata: { name: "", namespace } });
    return (await this.request<{ items: T[] }>("GET", path)).items;
  }

  /** Changes what is there; where another writer comes between, what that one left. */
  async change<T extends KubeObject>(object: KubeObject, change: (found: T) => T): Promise<T> {
    for (;;) {
      try {
        return await this.replace(change(await this.get<T>(object)));
      } catch (error) {
        if (!(error instanceof KubeError && error.status === 409)) throw error;
      }
    }
  }

  /** Has the API server judge what would be created, every field of it, without creating it. */
  async dryRun(object: KubeObject): Promise<void> {
    await this.request("POST", `${collectionPath(object)}?dryRun=All&fieldValidation=Strict`, object);
  }

  async replace<T extends KubeObject>(object: T): Promise<T> {
    return this.request("PUT", objectPath(object), object);
  }

  /** Deletes at once: without a kubelet, a pod's end is never confirmed. `graceful` leaves that to the kubelet. */
  async delete(object: KubeObject, how: "at once" | "graceful" = "at once"): Promise<void> {
    await this.request("DELETE", objectPath(object), {
      apiVersion: "v1",
      kind: "DeleteOptions",
      ...(how === "at once" && { gracePeriodSeconds: 0 }),
    });
  }

  /** A service account's token by TokenRequest, bound to the pod if one is named; valid for `seconds` (600 at least). */
  async token(
    serviceAccount: { namespace: string; name: string },
    options: { audience?: string; seconds?: number; pod?: { name: string; uid: string } } = {},
  ): Promise<{ token: string; expirationTimestamp: string }> {
    const { audience, seconds = 3600, pod } = options;
    const path = `/api/v1/namespaces/${serviceAccount.namespace}/serviceaccounts/${serviceAccount.name}/token`;
    const answer = await this.request<{ status: { token: string; expirationTimestamp: string } }>("POST", path, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {
        audiences: audience ? [audience] : undefined,
        expirationSeconds: seconds,
        boundObjectRef: pod && { apiVersion: "v1", kind: "Pod", name: pod.name, uid: pod.uid },
      },
    });
    return answer.status;
  }

  async request<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { server, ca, token } = this.access;
    const payload = body === undefined ? "" : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      // Node sends the body of a DELETE without saying that there is one.
      "content-length": Buffer.byteLength(payload),
    };
    return new Promise((resolve, reject) => {
      const call = request(new URL(path, server), { method, ca, headers, agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("error", reject).on("end", () => {
          const status = response.statusCode ?? 0;
          if (status < 300) resolve((isJson(response.headers) ? JSON.parse(text) : text) as T);
          else reject(new KubeError(status, `${method} ${path}: ${status} ${text}`));
        });
      });
      call.on("error", reject).end(payload);
    });
  }
}

const isJson = (headers: NodeJS.Dict<string | string[]>) =>
  String(headers["content-type"]).startsWith("application/json");

const clusterWide = new Set([
  "Namespace",
  "ClusterRole",
  "ClusterRoleBinding",
  "CSIDriver",
  "CustomResourceDefinition",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
]);

/** Kinds become resources by lower case and a plural, as all that the tests use do. */
function collectionPath({ apiVersion, kind, metadata }: KubeObject): string {
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const within = clusterWide.has(kind) ? "" : `/namespaces/${metadata.namespace ?? "default"}`;
  const singular = kind.toLowerCase();
  const resource = singular.endsWith("y")
    ? singular.replace(/y$/, "ies")
    : `${singular}${singular.endsWith("s") ? "es" : "s"}`;
  return `${root}${within}/${resource}`;
}

const objectPath = (object: KubeObject) => `${collectionPath(object)}/${object.metadata.name}`;
