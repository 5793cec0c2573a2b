/** Bundles the command once for all test files, beneath the package, where koffi is found. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import type { TestProject } from "vitest/node"
import { bundle } from "../bundle.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** The directory of the bundle and of the compile cache that the tests share. */
    readonly built: string
  }
}

export default async (project: TestProject): Promise<() => void> => {
  const built = join(import.meta.dirname, "..", "build", `test-${process.pid}`)
  await bundle(join(built, "bundle"))
  project.provide("built", built)
  return () => rmSync(built, { recursive: true, force: true })
}
