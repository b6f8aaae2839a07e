import { test } from "vitest";

/** A test of what only root can prepare, such as another user's file. */
export const testAsRoot = test.skipIf(process.geteuid?.() !== 0);
