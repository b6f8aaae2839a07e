import { z } from "zod";
import { nearest } from "../shared/spelling.js";
import { authMethodNames } from "../vault/auth/auth-methods.js";
import { duration, listenAddress, origin, secretName, size, text, vaultPath, whole } from "./file-values.js";
import { mistakeInRule } from "./rule.js";

/** A map with these keys and no others, each mistake at its own place. */
function section<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape> {
  const known = Object.keys(shape);
  const stray = z.custom<never>(() => false, {
    error: ({ path }) => {
      const meant = nearest(String(path?.at(-1)), known);
      return meant ? `is not a setting; did you mean ${meant}?` : `is not a setting; here are: ${known.join(", ")}`;
    },
  });
  // Strict objects report all strays at one place; the type is that of the shape alone.
  return z.object(shape).catchall(stray);
}

const rule = z.string().superRefine((written, context) => {
  const mistake = mistakeInRule(written);
  if (mistake !== undefined) context.addIssue({ code: "custom", message: mistake });
});
const pathRule = rule
  .refine((written) => !/^(\/|v1\/)/.test(written), "starts with / or v1/; leave that out")
  .refine((written) => !written.endsWith("/"), "ends with /; write /* for all below it");
const rules = z.array(rule);

/** Its `*` reaches over slashes, and both lists are to be read together with `docs/configuration.md`. */
const policy = section({
  namespaces: rules.default(["*"]),
  authMounts: z
    .array(pathRule.refine((written) => !written.startsWith("auth/"), "starts with auth/; leave that out"))
    .exactOptional(),
  roles: rules.default(["*"]),
  vaultNamespaces: z.array(pathRule).exactOptional(),
  audiences: rules.default(["*"]),
  methods: z.array(z.enum(["GET", "LIST", "POST", "PUT", "PATCH", "DELETE"])).default(["GET", "LIST", "POST", "PUT"]),
  paths: z.array(pathRule).default(["*"]),
  deniedPaths: z.array(pathRule).default(["sys/*", "auth/*"]),
});

const tls = section({
  caFile: text.exactOptional(),
  caDirectory: text.exactOptional(),
  certFile: text.exactOptional(),
  keyFile: text.exactOptional(),
  serverName: text.exactOptional(),
  skipVerify: z.boolean().default(false),
})
  .refine(({ certFile, keyFile }) => certFile !== undefined || keyFile === undefined, {
    error: "has a keyFile but no certFile; a client certificate needs both",
  })
  .refine(({ certFile, keyFile }) => certFile === undefined || keyFile !== undefined, {
    error: "has a certFile but no keyFile; a client certificate needs both",
  });

const auth = section({
  mount: vaultPath
    .transform((path) => path.replace(/^auth\//, ""))
    .refine((path) => path !== "", "is empty")
    .default("kubernetes"),
  method: z.enum(authMethodNames).default("kubernetes"),
});

const connectionLimits = section({
  inFlight: whole(1, 1024).default(16),
  logins: whole(1, 1024).default(8),
  requestTimeout: duration(100, 600_000, "100ms to 10m").default(20_000),
  connectTimeout: duration(100, 600_000, "100ms to 10m").default(5_000),
  answerBytes: size(2 ** 10, 2 ** 30, "1Ki to 1Gi").default(4 * 2 ** 20),
});

const offline = section({
  maxAge: duration(60_000, 168 * 3_600_000, "1m to 168h"),
});

const connection = section({
  addresses: z
    .array(origin)
    .min(1, "is empty; give at least one address")
    .refine((origins) => new Set(origins).size === origins.length, "has an address twice"),
  aliases: z.array(origin).default([]),
  namespace: vaultPath.default(""),
  tls: tls.prefault({}),
  auth: auth.prefault({}),
  audiences: z.array(z.string()).min(1, "is empty; leave it out for the provider's name").optional(),
  tokenPer: z.enum(["pod", "serviceAccount"]).default("pod"),
  offline: offline.exactOptional(),
  limits: connectionLimits.prefault({}),
  policy: z.union([policy, z.array(policy)]).prefault({}),
});

/** Also a label of metrics and a part of messages. */
const connectionName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/);

/** The driver's own rule for a provider's name (driver 1.6.0 provider_client.go), the empty one left out. */
export const isProviderName = (name: string) => /^[a-zA-Z0-9_-]{1,30}$/.test(name);

const logLevels = ["trace", "debug", "info", "warn", "error", "off"] as const;
const logLevel = text
  .transform((written) => written.toLowerCase())
  .pipe(z.enum(logLevels))
  .transform((level) => (level === "off" ? ("silent" as const) : level));

const tokenRequest = section({
  fallback: z.boolean().default(false),
  audiences: z.array(text).min(1, "is empty; leave it out for the provider's name").optional(),
}).refine(({ fallback, audiences }) => fallback || audiences === undefined, {
  path: ["audiences"],
  error: "has no effect without fallback: true",
});

const limits = section({
  volumes: whole(1, 1_000_000).default(4096),
  bytes: size(2 ** 20, 2 ** 36, "1Mi to 64Gi").default(16 * 2 ** 20),
  inFlightBytes: size(2 ** 20, 2 ** 36, "1Mi to 64Gi").default(20 * 2 ** 20),
  responseBytes: size(2 ** 16, 2 ** 30, "64Ki to 1Gi").default(3.5 * 2 ** 20),
});

const leases = section({
  maxOrphan: duration(60_000, 768 * 3_600_000, "1m to 768h").default(3_600_000),
});

/** The configuration file, with flags and environment laid over it. Durations come out as milliseconds, sizes as bytes. */
export const operatorFile = section({
  endpoint: text.optional(),
  socketDir: text.optional(),
  additionalSocketDir: text.optional(),
  providerName: z
    .string()
    .refine(isProviderName, "must be 1 to 30 letters, digits, - or _, as the driver demands of a provider's name")
    .optional(),
  healthAddress: listenAddress.prefault(":8080"),
  logLevel: logLevel.prefault("info"),
  keyFile: text.optional(),
  keySecret: secretName.optional(),
  driverPollInterval: duration(1_000, 86_400_000, "1s to 24h").default(120_000),
  syncPollInterval: duration(1_000, 168 * 3_600_000, "1s to 168h").exactOptional(),
  refreshInterval: duration(1_000, 8760 * 3_600_000, "1s to 8760h").exactOptional(),
  leases: leases.prefault({}),
  stateDir: text.refine((path) => path.startsWith("/"), "must be an absolute path").exactOptional(),
  stateOnDisk: z.boolean().default(false),
  nodeName: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, "must be the name of a node (lowercase letters, digits, - and .)")
    .exactOptional(),
  podWatch: z.boolean().default(false),
  classAddress: z.enum(["refuse", "use-default"]).default("refuse"),
  tokenRequest: tokenRequest.prefault({}),
  events: z.boolean().default(false),
  limits: limits.prefault({}),
  default: z.string().optional(),
  connections: z.record(connectionName, connection).default({}),
});

export type OperatorFile = z.output<typeof operatorFile>;
export type ConnectionSettings = z.output<typeof connection>;

const kinds: Record<string, string> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  record: "a map",
};

/** Words for the mistakes that zod finds by itself, without the value that was found. */
export function wordsForIssue(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "invalid_type" || issue.code === "invalid_union") {
    if (issue.input === undefined) return "is missing";
  }
  if (issue.code === "invalid_type") return `must be ${kinds[issue.expected] ?? issue.expected}`;
  if (issue.code === "invalid_union") return unionWords(issue);
  if (issue.code === "invalid_value") return `must be one of ${issue.values.map(String).join(", ")}`;
  if (issue.code === "invalid_key") return "is not a connection's name (letters, digits, -, _ and ., at most 63)";
  return undefined;
}

function unionWords({ errors }: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string {
  const ways = errors.flat().flatMap((issue) => (issue.code === "invalid_type" ? (kinds[issue.expected] ?? []) : []));
  return `must be ${[...new Set(ways)].join(" or ")}`;
}

/** Every key of the file, dotted; `NAME` stands for a connection's. */
export function fileKeys(schema: z.core.$ZodType = operatorFile, prefix = ""): string[] {
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape as z.ZodRawShape).flatMap(([key, value]) => fileKeys(value, `${prefix}.${key}`));
  }
  if (schema instanceof z.ZodRecord) return fileKeys(schema.valueType, `${prefix}.NAME`);
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodExactOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  ) {
    return fileKeys(schema.unwrap(), prefix);
  }
  // A map, or a list of such maps.
  const [first] = schema instanceof z.ZodUnion ? schema.options : [];
  return first instanceof z.ZodObject ? fileKeys(first, prefix) : [prefix.slice(1)];
}
