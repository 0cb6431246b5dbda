import { defineConfig } from "vitest/config";

// In a real browser against a stack with load: benchmarks/bench_dashboard.py starts it.
export default defineConfig({
  test: {
    environment: "node",
    include: ["bench/**/*.test.ts"],
    testTimeout: 600_000,
    hookTimeout: 60_000,
  },
});
