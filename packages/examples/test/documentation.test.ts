/** Type-checks and runs the examples of the documentation. `packages/docs/contributing.md` states the conventions. */
import { spawn } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assert, beforeAll, it } from "@effect/vitest"
import { type ExampleBlock, exampleBlocks, root } from "./ExampleBlocks.ts"

/** Git ignores it. The imports of an example resolve from here. */
const directory = join(root, "packages/examples/build/documentation")

const blocks = exampleBlocks()
const programs = blocks.filter(({ mode }) => mode === "run" || mode === "no-run")
const quotes = blocks.filter(({ mode }) => mode.startsWith("file="))

const pathOf = ({ file, line }: ExampleBlock) => join(directory, file, `${line}.ts`)
const placeOf = ({ file, line, title }: ExampleBlock) => `${file}:${line} (${title})`

/** Services and functions without an example. */
let undocumented: ReadonlyArray<string> | undefined

/** The failures of each program, by its path. */
const failures = new Map<string, Array<string>>()
const failed = (path: string, message: string) => failures.set(path, [...(failures.get(path) ?? []), message])

beforeAll(async () => {
  await rm(directory, { recursive: true, force: true })
  for (const block of programs) {
    await mkdir(dirname(pathOf(block)), { recursive: true })
    // The lines of the program keep their numbers.
    await writeFile(pathOf(block), "\n".repeat(block.line) + block.code)
  }
  await writeFile(join(directory, "tsconfig.json"), JSON.stringify(tsconfig))
  await Promise.all([typeCheck(), run(programs.filter(({ mode }) => mode === "run"))])
})

const tsconfig = {
  extends: "../../../../tsconfig.json",
  compilerOptions: {
    noEmit: true,
    composite: false,
    incremental: false,
    declaration: false,
    declarationMap: false,
    noUnusedLocals: false,
    types: ["node"],
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true,
  },
  include: ["**/*.ts"],
  references: [],
}

const typeCheck = async () => {
  const tsc = join(root, "node_modules/typescript/bin/tsc")
  const { output, code } = await execute([tsc, "-p", directory, "--pretty", "false"], {})
  for (const line of output.split("\n")) {
    const [, path, message] = /^(\S*build\/documentation\/\S+\.ts)(\(\d+.*)$/.exec(line) ?? []
    if (path !== undefined) failed(join(root, path), inSources(`${path}${message}`))
  }
  if (code !== 0 && failures.size === 0) throw new Error(output)
}

const run = async (examples: ReadonlyArray<ExampleBlock>) => {
  // A host of an example uses an empty home, which is removed afterwards.
  const home = await mkdtemp(join(tmpdir(), "signalbox-documentation-"))
  const env = {
    ...process.env,
    HOME: home,
    XDG_DATA_HOME: join(home, "data"),
    XDG_CACHE_HOME: join(home, "cache"),
    TMPDIR: home,
  }
  const paths = examples.map(pathOf)
  const runner = join(import.meta.dirname, "runExamples.ts")
  const { report, output } = await execute(["--conditions=@signalbox/source", runner, ...paths], env, home)
  await rm(home, { recursive: true, force: true })
  const reported = new Set<string>()
  for (const line of report.split("\n").filter((line) => line !== "")) {
    const { path, failure, missing } = JSON.parse(line)
    if (missing !== undefined) undocumented = missing
    reported.add(path)
    if (failure !== undefined) failed(path, inSources(failure))
  }
  for (const path of paths) {
    if (!reported.has(path)) failed(path, `it did not end, or an example before it ended the process.\n${output}`)
  }
}

/** Replaces the paths of generated programs by those of the files that hold them. */
const inSources = (text: string) =>
  text.replaceAll(
    /(?:file:\/\/)?[^\s()]*build\/documentation\/(\S+)\/\d+\.ts(?:\((\d+),\d+\)|:(\d+):\d+)/g,
    (_, file, line, sameLine) => `${file}:${line ?? sameLine}`,
  )

/** Runs node; `report` is what the process wrote to descriptor 3. */
const execute = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv, cwd = root) =>
  new Promise<{ readonly code: number | null; readonly output: string; readonly report: string }>((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    })
    const text = [1, 2, 3].map(() => "")
    for (const at of [1, 2, 3]) {
      child.stdio[at]?.on("data", (chunk) => {
        text[at - 1] += String(chunk)
      })
    }
    child.on("close", (code) => resolve({ code, output: `${text[0]}${text[1]}`, report: text[2] ?? "" }))
  })

it("finds examples in docstrings and in Markdown", () => {
  assert.isNotEmpty(programs)
  assert.isNotEmpty(quotes)
  for (const block of blocks) {
    assert.match(block.mode, /^(?:run|no-run|file=\S+)$/, placeOf(block))
    assert.isNotEmpty(block.title, `${placeOf(block)}: write **Example** (Title) above it`)
  }
})

it("finds an example for each service and function that host authors use", () => {
  assert.deepStrictEqual(undocumented, [])
})

it("awaits what an example runs, so that its failure is seen", () => {
  for (const block of programs.filter(({ mode }) => mode === "run")) {
    for (const line of block.code.split("\n")) {
      if (/\brunMain\(/.test(line)) assert.fail(`${placeOf(block)}: mark a program that serves as \`ts no-run\``)
      const starts = /\.run(?:Promise|Callback|Fork)\w*\(/.test(line)
      if (starts && !/\bawait\b/.test(line)) assert.fail(`${placeOf(block)}: write \`await\` in ${line}`)
    }
  }
})

for (const block of programs) {
  it(`type-checks and runs the example of ${block.file} (${block.title}) at line ${block.line}`, () => {
    const messages = failures.get(pathOf(block)) ?? []
    if (messages.length > 0) assert.fail(`${placeOf(block)} fails:\n${messages.join("\n")}`)
  })
}

for (const block of quotes) {
  const quoted = block.mode.slice("file=".length)
  it(`quotes ${quoted} word for word in ${block.file}`, async () => {
    assert.strictEqual(block.code, await readFile(join(root, quoted), "utf8"), placeOf(block))
  })
}
