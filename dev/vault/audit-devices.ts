import { badRequest, type Data, nothing } from "./answer.js";
import { text } from "./fields.js";
import type { Product } from "./product.js";
import type { Routes } from "./routes.js";
import { withoutOuterSlashes } from "../../src/shared/slashes.js";

/** OpenBao has its devices in the server's configuration (internal/vault/logical_system.go). */
const madeByApi: Record<Product, boolean> = { vault: true, openbao: false };

/** The paths below `sys/audit`. All devices write to nowhere: tests read the request log. */
export function routeAuditDevices(routes: Routes, product: Product): void {
  const devices = new Map<string, Data>();
  routes
    .on("audit", {
      read: () => ({ data: Object.fromEntries(devices), beside: Object.fromEntries(devices) }),
    })
    .on("audit/*path", {
      update: ({ body }, path) => {
        if (!madeByApi[product]) {
          throw badRequest(
            "cannot enable audit device via API; use declarative, config-based audit device management instead",
          );
        }
        const { file_path: file } = (body["options"] ?? {}) as Data;
        if (text(body, "type") !== "file" || file !== "discard") {
          throw badRequest("the embedded Vault audits only to the file `discard`");
        }
        const name = `${withoutOuterSlashes(path)}/`;
        const description = text(body, "description");
        devices.set(name, { description, local: false, options: { file_path: file }, path: name, type: "file" });
        return nothing;
      },
      delete: (_, path) => (devices.delete(`${withoutOuterSlashes(path)}/`), nothing),
    });
}
