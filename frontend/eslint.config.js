import { createNodeResolver, importX } from "eslint-plugin-import-x";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const features = ["overview", "service", "alerts", "releases", "settings"];
const shared = ["api", "lib", "components"];

/** Shared code knows no feature, a feature knows no other one, and only `app` knows them all. */
const zones = [
  ...shared.map((folder) => ({
    target: `./src/${folder}`,
    from: ["./src/features", "./src/app"],
    message: "Shared code knows neither features nor pages.",
  })),
  { target: "./src/api", from: ["./src/components"], message: "Requests know no components." },
  { target: "./src/lib", from: ["./src/components"], message: "lib is the ground." },
  {
    target: "./src/lib",
    from: ["./src/api"],
    except: ["./schema.ts"],
    message: "lib is the ground: of the API it knows the document only.",
  },
  ...features.map((feature) => ({
    target: `./src/features/${feature}`,
    from: ["./src/app", ...features.filter((f) => f !== feature).map((f) => `./src/features/${f}`)],
    message: "A feature knows no other feature; share by lib, api or components.",
  })),
];

export default tseslint.config(
  { ignores: ["dist", "node_modules", "src/api/schema.ts"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { "import-x": importX, "react-hooks": reactHooks },
    settings: {
      "import-x/resolver-next": [createNodeResolver({ extensions: [".ts", ".tsx", ".js"] })],
    },
    rules: {
      ...reactHooks.configs.recommended.rules,
      "import-x/no-restricted-paths": ["error", { zones, basePath: import.meta.dirname }],
      "import-x/no-cycle": "error",
      "max-lines": ["error", { max: 250, skipBlankLines: true }],
      "max-lines-per-function": ["error", { max: 80, skipBlankLines: true }],
      "no-console": "error",
      "no-restricted-syntax": [
        "error",
        {
          selector: "Property[key.name='queryKey'] > ArrayExpression",
          message: "The keys of all queries stand in api/keys.ts.",
        },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ["**/*.test.{ts,tsx}", "e2e/**", "bench/**"],
    rules: {
      "max-lines-per-function": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
  { files: ["scripts/**", "*.config.{js,ts}"], ...tseslint.configs.disableTypeChecked },
);
