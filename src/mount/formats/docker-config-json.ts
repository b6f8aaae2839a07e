import { ProviderError } from "../../shared/errors.js";
import { goJson } from "../../shared/go-json.js";
import { type Json, isJsonObject } from "../../shared/json.js";
import { namesThereAre } from "../../shared/quoted.js";
import type { TextWriter } from "../../shared/text-writer.js";

const parts = ["registry", "username", "password"] as const;

/**
 * `config.json` of Docker, with the login to one registry: what a Secret of type `kubernetes.io/dockerconfigjson` holds. Made
 * of the keys `registry`, `username` and `password`, and of `email` where it is there.
 */
export function dockerConfigJson(value: Json, location: string, out?: TextWriter): string {
  const data = isJsonObject(value) ? value : {};
  const [registry, username, password] = parts.map((name) => {
    const text = data[name];
    if (typeof text === "string" && text !== "") return text;
    throw new ProviderError(
      "not_found",
      `no ${name} at ${location}, of which format: dockerconfigjson is made (it has: ${namesThereAre(Object.keys(data))})`,
    );
  }) as [string, string, string];
  if (username.includes(":")) {
    throw new ProviderError(
      "invalid_request",
      `the username at ${location} has a colon in it, which a registry takes for the end of it`,
    );
  }
  const { email } = data;
  const login = {
    auth: Buffer.from(`${username}:${password}`).toString("base64"),
    ...(typeof email === "string" && email !== "" && { email }),
    password,
    username,
  };
  return goJson({ auths: { [registry]: login } }, out);
}
