/** Checks that what the documentation refers to exists. */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, it } from "@effect/vitest"
import { markdownFiles, root } from "./ExampleBlocks.ts"

const read = (file: string) => readFileSync(join(root, file), "utf8")

/** The text without code, in which brackets are not links. */
const prose = (text: string) => text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "`code`")

/** GitHub's name for a heading, as in `#in-a-host-app`. */
const anchors = (text: string) =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-"),
  )

it("resolves every relative link of the Markdown files", () => {
  const broken = markdownFiles().flatMap((file) =>
    [...prose(read(file)).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
      if (/^[a-z]+:/.test(target)) return []
      const [path = "", anchor] = target.split("#")
      const linked = path === "" ? file : join(dirname(file), path)
      if (!existsSync(join(root, linked))) return [`${file}: ${target} does not exist`]
      if (anchor === undefined || !linked.endsWith(".md")) return []
      return anchors(read(linked)).includes(anchor) ? [] : [`${file}: ${target} has no such heading`]
    }),
  )
  assert.deepStrictEqual(broken, [])
})

it("finds every file that packages/docs and the READMEs name", () => {
  const missing = markdownFiles()
    .filter((file) => !file.endsWith("changelog.md"))
    .flatMap((file) =>
      [...read(file).matchAll(/`((?:packages|\.ci|\.github)\/[\w./-]+)`/g)].flatMap(([, path = ""]) =>
        existsSync(join(root, path)) ? [] : [`${file}: ${path}`],
      ),
    )
  assert.deepStrictEqual(missing, [])
})

it("refers to no document outside of the repository", () => {
  const files = execFileSync("git", ["ls-files", "*.ts", "*.mjs", "*.md", "*.json"], { cwd: root, encoding: "utf8" })
  const dangling = files
    .split("\n")
    .filter((file) => file !== "" && existsSync(join(root, file)))
    .filter((file) => !["packages/docs/promises.md", relativePath].includes(file))
    .flatMap((file) =>
      read(file)
        .split("\n")
        .flatMap((line, index) => (outside.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
    )
  assert.deepStrictEqual(dangling, [])
})

const relativePath = "packages/examples/test/references.test.ts"

/** Numbers of promises, and the project's working documents. */
const outside = /\bP(?:1[0-4]|[1-9])\b|\bfacts\/|\bfacts of \w|\b(?:DESIGN|STYLE|EFFECT)\.md\b/
