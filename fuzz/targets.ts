import { attributesTarget } from "./attributes.js";
import { authorityTarget } from "./authority.js";
import { costTarget } from "./cost.js";
import { objectsYamlTarget } from "./objects-yaml.js";
import { pathsTarget } from "./paths.js";
import { refusalsTarget } from "./refusals.js";
import { stateRecordsTarget } from "./state-records.js";
import { templatesTarget } from "./templates.js";
import type { Target } from "./target.js";
import { tokensTarget } from "./tokens.js";
import { vaultAnswersTarget } from "./vault-answers.js";

/** A case is its target's own business. */
export type AnyTarget = Target<never>;

export const targets: readonly AnyTarget[] = [
  attributesTarget,
  objectsYamlTarget,
  tokensTarget,
  pathsTarget,
  vaultAnswersTarget,
  refusalsTarget,
  authorityTarget,
  stateRecordsTarget,
  templatesTarget,
  costTarget,
] as unknown as readonly AnyTarget[];
