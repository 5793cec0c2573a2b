/**
 * The directory of a program's own files: `$XDG_DATA_HOME/<program>`, else `~/.local/share/<program>`, on every platform. macOS has no directory of its
 * own here, so that existing files stay where they are.
 */
import { Effect, Path, Schema } from "effect"
import { make } from "effect/persistence/UserDirectories"

/** Neither XDG_DATA_HOME nor HOME is an absolute path. */
export class NoDataDirectory extends Schema.TaggedError<NoDataDirectory>()("NoDataDirectory", {
  program: Schema.String,
}) {
  override get message(): string {
    return `there is no place for the files of ${this.program}: set XDG_DATA_HOME or HOME to an absolute path`
  }
}

const directories = make({ platform: "linux" })

/**
 * Returns `$XDG_DATA_HOME/<program>`, else `~/.local/share/<program>`. A path that is not absolute is ignored, as the XDG specification requires.
 *
 * **Example** (Finding a program's own directory)
 *
 * ```ts
 * import { match } from "node:assert"
 * import * as NodePath from "@effect/platform-node/NodePath"
 * import { dataDirectory } from "@signalbox/core"
 * import { Effect } from "effect"
 *
 * const directory = await Effect.runPromise(Effect.provide(dataDirectory("my-program"), NodePath.layer))
 * match(directory, /\/my-program$/)
 * ```
 */
export const dataDirectory = Effect.fnUntraced(function* (
  program: string,
): Effect.fn.Return<string, NoDataDirectory, Path.Path> {
  const path = yield* Path.Path
  const home = yield* Effect.orElseSucceed(directories.home, () => "")
  const found = yield* Effect.orElseSucceed(directories.data(program), () => "")
  // `UserDirectories` also appends to a home that is empty or relative.
  const usesHome = found === `${home.replace(/\/+$/, "")}/.local/share/${program}`
  if (!path.isAbsolute(found) || (usesHome && !path.isAbsolute(home))) return yield* new NoDataDirectory({ program })
  return path.normalize(found)
})
