import { defineConfig } from "vitest/config"

const project = (name: string, options: { readonly isolate?: boolean; readonly globalSetup?: string } = {}) => ({
  extends: true as const,
  test: { name, root: `packages/${name}`, include: ["test/**/*.test.ts"], ...options },
})

// These tests share no state between files. One worker for all files loads effect once instead of once a file.
const shared = { isolate: false }

export default defineConfig({
  resolve: { conditions: ["@signalbox/source"] },
  ssr: { resolve: { conditions: ["@signalbox/source"], externalConditions: ["@signalbox/source"] } },
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // By default Vitest leaves one of two cores idle.
    maxWorkers: 2,
    projects: [
      project("core", shared),
      project("node"),
      project("api", shared),
      project("gateway", shared),
      project("server", shared),
      project("cli", { globalSetup: "test/globalSetup.ts" }),
      project("examples"),
    ],
  },
})
