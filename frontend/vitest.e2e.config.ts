import { defineConfig } from "vitest/config";

// In a real browser against a real stack: tests/test_dashboard.py starts it and runs these.
export default defineConfig({
  test: {
    environment: "node",
    include: ["e2e/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
