/** Where a program keeps its own files: https://specifications.freedesktop.org/basedir-spec/ */
import { Config, Effect, Path, Schema } from "effect"

/** Neither XDG_DATA_HOME nor HOME names a directory. */
export class NoDataDirectory extends Schema.TaggedError<NoDataDirectory>()("NoDataDirectory", {
  program: Schema.String,
}) {
  override get message(): string {
    return `there is no place for the files of ${this.program}: set XDG_DATA_HOME or HOME to an absolute path`
  }
}

/** `$XDG_DATA_HOME/<program>`, else `~/.local/share/<program>`. */
export const dataDirectory = Effect.fnUntraced(function* (
  program: string,
): Effect.fn.Return<string, NoDataDirectory, Path.Path> {
  const path = yield* Path.Path
  const variable = (name: string) => Effect.orElseSucceed(Config.withDefault(Config.String(name), ""), () => "")
  // The specification: a path that is not absolute is to be ignored.
  const data = yield* variable("XDG_DATA_HOME")
  if (path.isAbsolute(data)) return path.join(data, program)
  const home = yield* variable("HOME")
  if (path.isAbsolute(home)) return path.join(home, ".local", "share", program)
  return yield* new NoDataDirectory({ program })
})
