#!/usr/bin/env node
/**
 * Checks how the source files of packages/ may import each other:
 *
 * - `src/X.ts` is a public module, and `exports` of the package lists it. `src/internal/` belongs to the package alone.
 * - `src/internal/X/` belongs to `src/X.ts` and `src/internal/X.ts`.
 * - Imports form a tree, type imports included.
 *
 * Prints each violation and exits with 1 if there are any.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import path from "node:path"

const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "packages"], {
  encoding: "utf8",
})
const files = tracked.split("\n").filter((file) => file.endsWith(".ts") && existsSync(file))
const packageOf = (file) => file.split("/")[1]
const isSource = (file) => file.split("/")[2] === "src"

/** `packages/core/src/internal/A/B.ts` is private to module `A` of core. */
const ownerOf = (file) => /^packages\/[^/]+\/src\/internal\/([^/]+)\/.+$/.exec(file)?.[1]
const moduleOf = (file) => /^packages\/[^/]+\/src\/(?:internal\/)?([^/.]+)/.exec(file)?.[1]

const violations = []
const imports = new Map()
for (const file of files) {
  const targets = []
  for (const [, specifier] of readFileSync(file, "utf8").matchAll(/(?:\bfrom|\bimport\(?)\s*"([^"]+)"/g)) {
    if (/^@signalbox\/[a-z]+\/internal(?:\/|$)/.test(specifier)) {
      violations.push(`${file} imports ${specifier}: internal modules belong to their package alone`)
    }
    if (!specifier.startsWith(".")) continue
    const target = path.join(path.dirname(file), specifier)
    if (!files.includes(target)) continue
    if (isSource(target) && packageOf(target) !== packageOf(file)) {
      violations.push(`${file} imports ${specifier}: import another package by its name`)
      continue
    }
    if (!isSource(file)) continue
    targets.push(target)
    const owner = ownerOf(target)
    if (owner !== undefined && owner !== moduleOf(file)) {
      violations.push(`${file} imports ${target}: that file is private to ${owner}`)
    }
  }
  if (isSource(file)) imports.set(file, targets)
}

for (const manifest of new Set(files.map((file) => `packages/${packageOf(file)}/package.json`))) {
  const { exports } = JSON.parse(readFileSync(manifest, "utf8"))
  if (exports === undefined) continue
  const root = `${path.dirname(manifest)}/src/`
  const listed = new Set(Object.keys(exports).map((key) => (key === "." ? "index" : key.slice(2))))
  listed.delete("package.json")
  for (const name of listed) {
    if (name.includes("*")) violations.push(`${manifest} exports ./${name}: list public modules one by one`)
    else if (!existsSync(`${root}${name}.ts`)) violations.push(`${manifest} exports ./${name}, which does not exist`)
    else if (name.startsWith("internal/")) violations.push(`${manifest} exports ./${name}: it is internal`)
  }
  for (const file of files.filter((file) => file.startsWith(root) && !file.slice(root.length).includes("/"))) {
    const name = file.slice(root.length, -3)
    if (name !== "main" && !listed.has(name)) violations.push(`${manifest} does not export ./${name}`)
  }
}

/** Tarjan's strongly connected components: each with more than one file is a knot of imports. */
const knots = () => {
  const found = []
  const order = new Map()
  const low = new Map()
  const stack = []
  const visit = (file) => {
    order.set(file, order.size)
    low.set(file, order.get(file))
    stack.push(file)
    for (const target of imports.get(file) ?? []) {
      if (!order.has(target)) visit(target)
      if (stack.includes(target)) low.set(file, Math.min(low.get(file), low.get(target)))
    }
    if (low.get(file) !== order.get(file)) return
    const knot = stack.splice(stack.indexOf(file))
    if (knot.length > 1) found.push(knot)
  }
  for (const file of imports.keys()) if (!order.has(file)) visit(file)
  return found
}
for (const knot of knots()) violations.push(`these files import each other: ${knot.sort().join(", ")}`)

for (const violation of violations) console.error(violation)
if (violations.length > 0) {
  console.error(`${violations.length} violations of the import rules (.ci/boundaries.mjs)`)
  process.exit(1)
}
