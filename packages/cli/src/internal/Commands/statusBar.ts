/** `status --tmux` in effect/cli, for the command lines that `main.ts` does not handle: with `--json`, or with a mistake in a flag. */
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { visibleJson } from "@signalbox/core/VisibleText"
import { isColour } from "@signalbox/server/StatusLine"
import { Effect, Option } from "effect"
import { usage } from "../Failure.ts"
import { ConfigFile, Json } from "../GlobalFlags.ts"
import { print } from "../Print.ts"
import { drawStatusBar, isTheme, themeNames } from "../StatusBar.ts"
import { localTarget } from "../Target.ts"

interface Input {
  readonly narrow: boolean
  readonly maxLength: Option.Option<number>
  readonly theme: Option.Option<string>
  readonly fg: Option.Option<string>
  readonly bg: Option.Option<string>
}

export const statusBar = Effect.fnUntraced(function* ({ bg, fg, maxLength, narrow, theme }: Input) {
  const config = yield* ConfigFile
  yield* localTarget("draw its status line")
  const name = Option.getOrUndefined(theme)
  if (name !== undefined && !isTheme(name)) {
    const near = didYouMean(nearNames(name, themeNames))
    return yield* usage(
      `--theme takes the name of a theme, not ${JSON.stringify(name)}${near}`,
      `the themes are ${themeNames.join(", ")}`,
    )
  }
  for (const [flag, colour] of [
    ["--fg", fg],
    ["--bg", bg],
  ] as const) {
    if (Option.isSome(colour) && !isColour(colour.value)) {
      return yield* usage(
        `${flag} takes a colour of tmux, not ${JSON.stringify(colour.value)}`,
        "write red, colour123 or #ff8800",
      )
    }
  }
  const line = drawStatusBar(
    {
      ...(narrow ? { narrow } : {}),
      ...(name === undefined ? {} : { theme: name }),
      ...(Option.isSome(config) ? { config: config.value } : {}),
      ...(Option.isSome(maxLength) ? { maxLength: maxLength.value } : {}),
      ...(Option.isSome(fg) ? { fg: fg.value } : {}),
      ...(Option.isSome(bg) ? { bg: bg.value } : {}),
    },
    process.env,
  )
  if (yield* Json) return yield* print(visibleJson({ line }))
  if (line !== "") yield* print(line)
})
