import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"

const root = join(import.meta.dirname, "../../..")

it("each program in core's README is a file of the examples, which a test runs", async () => {
  const readme = await readFile(join(root, "packages/core/README.md"), "utf8")
  const quoted = [...readme.matchAll(/<!-- quoted from (\S+);.*-->\n```ts\n([\s\S]*?)```/g)]
  assert.lengthOf([...readme.matchAll(/```ts\n/g)], quoted.length)
  assert.isAbove(quoted.length, 0)
  for (const [, path = "", program] of quoted)
    assert.strictEqual(program, await readFile(join(root, path), "utf8"), path)
})
