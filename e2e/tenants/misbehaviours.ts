import { classRows } from "./class-rows.js";
import { edgeRows } from "./edge-rows.js";
import type { Misbehaviour } from "./misbehaviour.js";
import { serverRows } from "./server-rows.js";

/** Every way in which one tenant tries to be a nuisance to another: the rows of the table in docs/security.md. */
export const misbehaviours: readonly Misbehaviour[] = [...serverRows, ...classRows, ...edgeRows];
