import { defineConfig } from "vitest/config"

const project = (name: string) => ({
  extends: true as const,
  test: { name, root: `packages/${name}`, include: ["test/**/*.test.ts"] },
})

export default defineConfig({
  resolve: { conditions: ["@signalbox/source"] },
  ssr: { resolve: { conditions: ["@signalbox/source"], externalConditions: ["@signalbox/source"] } },
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Vitest would leave one of two cores idle.
    maxWorkers: 2,
    projects: ["core", "node", "api", "gateway", "server", "cli", "examples"].map(project),
  },
})
