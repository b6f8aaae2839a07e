interface RangeAnswer {
  kvs?: { key: string; value: string }[];
}

/** What etcd holds of a namespace, past the API server: key → bytes. Through etcd's JSON gateway, etcdserverpb/rpc.proto. */
export async function atRest(etcd: string, namespace: string): Promise<Record<string, Buffer>> {
  const keys = await range(etcd, { key: base64("/registry/"), range_end: base64("/registry0"), keys_only: true });
  const ofNamespace = keys.filter(({ key }) => fromBase64(key).toString().split("/").includes(namespace));
  const entries = ofNamespace.map(async ({ key }) => {
    const [found] = await range(etcd, { key });
    return [fromBase64(key).toString(), fromBase64(found?.value ?? "")] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function range(etcd: string, query: object): Promise<{ key: string; value: string }[]> {
  const response = await fetch(`${etcd}/v3/kv/range`, { method: "POST", body: JSON.stringify(query) });
  if (!response.ok) throw new Error(`etcd answers ${response.status}: ${await response.text()}`);
  return ((await response.json()) as RangeAnswer).kvs ?? [];
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
const fromBase64 = (text: string) => Buffer.from(text, "base64");
