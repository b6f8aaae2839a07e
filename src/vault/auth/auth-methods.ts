import type { AuthMethod } from "./auth-method.js";
import { jwt } from "./jwt.js";
import { kubernetes } from "./kubernetes.js";

/** Every auth method, by its name in the configuration file. */
export const authMethods = { kubernetes, jwt } satisfies Readonly<Record<string, AuthMethod>>;

export type AuthMethodName = keyof typeof authMethods;
export const authMethodNames = Object.keys(authMethods) as AuthMethodName[];

/** All of them, in the order in which an error's text is compared: jwt's texts contain those of kubernetes. */
export const authMethodsByText: readonly AuthMethod[] = [
  jwt,
  ...Object.values(authMethods).filter((one) => one !== jwt),
];

/** For messages: `kubernetes or jwt`. */
export const anyAuthMethod = authMethodNames.join(" or ");
