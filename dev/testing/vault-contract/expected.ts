import { expect } from "vitest";
import type { Data } from "../../vault/answer.js";
import type { Product } from "../../vault/product.js";
import { aNumber, anAccessor, aUuid } from "./ask.js";

/** What a product's answers look like, wherever they are alike but for this. */
export interface Expected {
  readonly product: Product;
  readonly aServiceToken: string;
  readonly aBatchToken: string;
  /** The error that a token gets which is not known, or no longer. */
  readonly unknownToken: string;
  /** As `sys/mounts` tells which plugin an engine is. */
  readonly pluginVersion: (type: string) => string;
  /** What of these fields of `sys/health` the product has. */
  readonly health: (fields: Data) => Data;
  /** Fields of an issued certificate that not every product has, and how often one warns of a life that is cut. */
  readonly certificate: { readonly issued: Data; readonly read: Data; readonly warningsOfCut: number };
  /** A whole envelope with a 200, these fields instead of the empty ones. `mount_type` only where the product has it. */
  readonly answered: (fields: Data, status?: number) => { status: number; json: Data };
  /** The `auth` of an answer that gives or renews a token of an hour, these fields instead of the usual ones. */
  readonly grantOf: (fields: Data) => Data;
}

interface Look {
  readonly serviceToken: RegExp;
  readonly batchToken: RegExp;
  readonly unknownToken: string;
  readonly tellsMountType: boolean;
  readonly version: string;
  /** Fields that its `sys/health` lacks. */
  readonly absentInHealth: readonly string[];
  readonly certificate: Expected["certificate"];
  readonly plugins: { readonly own: string; readonly others: Readonly<Record<string, string>> };
}

const colons = expect.stringMatching(/^[0-9a-f]{2}(:[0-9a-f]{2})+$/) as string;

const looks: Record<Product, Look> = {
  vault: {
    serviceToken: /^hvs\.[\w-]{90,}$/,
    batchToken: /^hvb\.[\w-]{90,}$/,
    unknownToken: "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n",
    tellsMountType: true,
    version: "1.21.1",
    absentInHealth: [],
    certificate: { issued: { authority_key_id: colons }, read: { authority_key_id: colons }, warningsOfCut: 2 },
    plugins: {
      own: "v1.21.1+builtin.vault",
      others: { jwt: "v0.25.0+builtin", kubernetes: "v0.23.1+builtin", kv: "v0.25.0+builtin" },
    },
  },
  openbao: {
    serviceToken: /^s\.[A-Za-z0-9]{24}$/,
    batchToken: /^b\.[\w-]{90,}$/,
    unknownToken: "permission denied",
    tellsMountType: false,
    version: "2.6.2",
    absentInHealth: [
      "enterprise",
      "performance_standby",
      "echo_duration_ms",
      "clock_skew_ms",
      "replication_primary_canary_age_ms",
      "ha_connection_healthy",
      "last_request_forwarding_heartbeat_ms",
      "removed_from_cluster",
    ],
    certificate: { issued: { not_before: aNumber }, read: {}, warningsOfCut: 1 },
    plugins: { own: "v2.6.2+builtin.bao", others: {} },
  },
};

export function expectedOf(product: Product): Expected {
  const { serviceToken, batchToken, unknownToken, tellsMountType, version, absentInHealth, certificate, plugins } =
    looks[product];
  const aServiceToken = expect.stringMatching(serviceToken) as string;
  return {
    product,
    aServiceToken,
    aBatchToken: expect.stringMatching(batchToken) as string,
    unknownToken,
    pluginVersion: (type) => plugins.others[type] ?? plugins.own,
    health: (fields) =>
      Object.fromEntries(Object.entries({ ...fields, version }).filter(([name]) => !absentInHealth.includes(name))),
    certificate,
    answered: (fields, status = 200) => {
      const { mount_type, ...rest } = { ...emptyEnvelope, ...fields };
      return { status, json: { ...rest, ...(tellsMountType && { mount_type }) } };
    },
    grantOf: (fields) => ({
      client_token: aServiceToken,
      accessor: anAccessor,
      policies: ["app", "default"],
      token_policies: ["app", "default"],
      metadata: null,
      lease_duration: 3_600,
      renewable: true,
      entity_id: "",
      token_type: "service",
      orphan: false,
      mfa_requirement: null,
      num_uses: 0,
      ...fields,
    }),
  };
}

const emptyEnvelope = {
  request_id: aUuid,
  lease_id: "",
  renewable: false,
  lease_duration: 0,
  data: null,
  wrap_info: null,
  warnings: null,
  auth: null,
  mount_type: "",
};
