import { makesCredential } from "../mount/credential-path.js";
import type { ObjectSpec, VaultRequest } from "../mount/mount-spec.js";
import { requestsOf } from "../mount/object-requests.js";

/** Why what an object holds is made for one pod and ends with it; `undefined` for what all pods read alike. */
export function ownOfEachPod(object: ObjectSpec): string | undefined {
  return requestsOf(object).map(whyOwn).find(Boolean);
}

function whyOwn(request: VaultRequest): string | undefined {
  const { method, path } = request;
  const steps = path.split("/");
  if (makesCredential(request)) return "is a lease";
  if (/(^|\/)identity\/oidc\/token\/[^/]+$/.test(path)) return "is a token of the pod's identity";
  if (["decrypt", "encrypt", "rewrap", "hmac", "verify"].some((step) => steps.includes(step))) return undefined;
  if (["POST", "PUT", "PATCH"].includes(method)) return `is issued by the request (method: ${method})`;
  return undefined;
}
