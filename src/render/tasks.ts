import type { ErrorCode } from "../shared/errors.js";

/**
 * What goes to the worker and comes back. Here, and nowhere else, secrets are bare: the messages of processes are plain data.
 */
export type Task = TemplateTask | KeystoreTask | NamesTask;

export interface TemplateTask {
  kind: "template";
  text: string;
  /** JSON: `{own: secret | null, sources: {name: secret}}`, each secret `{data: object, meta: object | null}`. */
  data: string;
}

export interface KeystoreTask {
  kind: "keystore";
  key?: string;
  certificates: readonly string[];
  password: string;
  alias: string;
  legacy: boolean;
}

/** Which variables a template reads, without rendering it. */
export interface NamesTask {
  kind: "names";
  text: string;
}

export interface TemplateName {
  /** `["db", "password"]`. */
  steps: string[];
  /** From 1. */
  line: number;
  column: number;
}

export type TaskResult =
  | { ok: true; contents: Uint8Array }
  /** In our words; `line` and `column` from 1, where it is about a place in a template. */
  | { ok: false; code: ErrorCode; message: string; line?: number; column?: number };

/** Bytes: what fits a Secret of Kubernetes, and more than any program's configuration. */
export const mostContents = 1 << 20;
