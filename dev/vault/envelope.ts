import type { Answer, Refusal } from "./answer.js";
import type { Product } from "./product.js";
import { goJson } from "./go-json.js";
import { requestId } from "./identifiers.js";

/** An answer as it goes over the wire; no body for a 204. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

const json = "application/json";

/** OpenBao's answers do not say which engine gave them. */
const tellsMountType: Record<Product, boolean> = { vault: true, openbao: false };

/** Vault's envelope around an answer, with its order of fields and its newline. */
export function wire(answer: Answer & { wrapInfo?: unknown }, product: Product): WireAnswer {
  const status = answer.status ?? 200;
  if (answer.bare) {
    const { contentType, body } = answer.bare;
    const text = typeof body === "string" ? body : `${goJson(body, false)}\n`;
    return { status, headers: { "content-type": contentType }, body: status === 204 ? undefined : text };
  }
  if (status === 204) return { status, headers: { "content-type": json }, body: undefined };
  const { lease } = answer;
  const fields: [string, string][] = [
    ...Object.entries(answer.beside ?? {}).map(([name, value]): [string, string] => [name, goJson(value)]),
    ["request_id", goJson(answer.wrapInfo ? "" : requestId())],
    ["lease_id", goJson(lease?.id ?? "")],
    ["renewable", goJson(lease?.renewable ?? false)],
    ["lease_duration", goJson(lease?.seconds ?? 0)],
    ["data", goJson(answer.data ?? null)],
    ["wrap_info", goJson(answer.wrapInfo ?? null, false)],
    ["warnings", goJson(answer.warnings?.length ? answer.warnings : null)],
    ["auth", goJson(answer.auth ?? null, false)],
  ];
  if (tellsMountType[product]) fields.push(["mount_type", goJson(answer.mountType ?? "")]);
  const text = fields.map(([name, value]) => `${goJson(name)}:${value}`).join(",");
  return { status, headers: { "content-type": json }, body: `{${text}}\n` };
}

export function wireRefusal({ status, errors, headers }: Refusal): WireAnswer {
  return { status, headers: { "content-type": json, ...headers }, body: `${goJson({ errors })}\n` };
}
