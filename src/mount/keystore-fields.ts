import { word } from "../shared/quoted.js";
import type { Format, Keystore, VaultRequest } from "./mount-spec.js";
import { selectorOf } from "./object-fields.js";
import type { ObjectReader } from "./object-reader.js";
import { requestFields, requestOf } from "./request-fields.js";

const fields = ["password", "alias", "encryption"];
const encryptions = ["aes", "legacy"];

/** What `format: pkcs12` takes beside the certificate; `own` is the object's request. */
export function keystoreOf(object: ObjectReader, format: Format | undefined, own: VaultRequest): Keystore | undefined {
  if (format !== "pkcs12") {
    for (const field of fields) {
      if (object.node(field)) object.error(field, "is for an object with format: pkcs12");
    }
    return undefined;
  }
  const encryption = object.text("encryption") || "aes";
  if (!encryptions.includes(encryption))
    object.error("encryption", `${word(encryption)} is not known; write one of ${encryptions.join(", ")}`);
  return { password: passwordOf(object, own), alias: aliasOf(object), legacy: encryption === "legacy" };
}

/** Java puts aliases into lower case, and users write them on command lines. */
function aliasOf(object: ObjectReader): string {
  const alias = object.text("alias") || "keymount";
  if (!/^[\x21-\x7e]{1,128}$/.test(alias))
    object.error("alias", `${word(alias)} must be 1 to 128 ASCII characters without a space`);
  return alias;
}

function passwordOf(object: ObjectReader, own: VaultRequest): Keystore["password"] {
  const node = object.node("password");
  if (node?.kind !== "map") {
    object.error(
      "password",
      `${node ? "must not be in the class" : "is missing"}; name where it is in Vault: {secretKey: …}, with a secretPath if it is another secret`,
    );
    return { request: own, key: { key: "" } };
  }
  const password = object.within(node, "password");
  password.nameUnknown([...requestFields, "secretKey"]);
  const key = selectorOf(password);
  if (!key) password.error("secretKey", "is missing; it is the key whose value is the password");
  if (!password.node("secretPath")) {
    for (const field of requestFields)
      if (password.node(field))
        password.error(field, "is for a secretPath beside it; the object's own secret is read once");
  }
  return { request: password.node("secretPath") ? requestOf(password) : own, key: key ?? { key: "" } };
}
