import { globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/** Rules that need types or catch real faults; layout is the formatter's business. */
export default tseslint.config(
  globalIgnores(["dist", "node_modules", "src/wire/provider.ts", "**/*.js"]),
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/require-await": "off",
      "no-console": "error",
      eqeqeq: "error",
    },
  },
  {
    files: ["src/cli/**", "dev/cli/**", "e2e/**", "bench/**", "fuzz/**", "scripts/**"],
    rules: { "no-console": "off" },
  },
);
