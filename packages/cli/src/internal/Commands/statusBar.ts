/** `status --tmux` in the whole program: for what the launcher left to it. */
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { isColour } from "@signalbox/server/StatusLine"
import { Effect, Option } from "effect"
import { usage } from "../Failure.ts"
import { ConfigPath, Json } from "../GlobalFlags.ts"
import { print } from "../Print.ts"
import { drawTmux, isTheme, themeNames } from "../StatusBar.ts"

interface Tmux {
  readonly narrow: boolean
  readonly maxLength: Option.Option<number>
  readonly theme: Option.Option<string>
  readonly fg: Option.Option<string>
  readonly bg: Option.Option<string>
}

export const tmuxStatus = Effect.fnUntraced(function* ({ bg, fg, maxLength, narrow, theme }: Tmux) {
  const config = yield* ConfigPath
  const named = Option.getOrUndefined(theme)
  if (named !== undefined && !isTheme(named)) {
    const near = didYouMean(nearNames(named, themeNames))
    return yield* usage(`there is no theme ${JSON.stringify(named)}${near}`, `there are: ${themeNames.join(", ")}`)
  }
  for (const colour of [fg, bg]) {
    if (Option.isSome(colour) && !isColour(colour.value)) {
      return yield* usage(`${JSON.stringify(colour.value)} is no colour of tmux`, "write red, colour123 or #ff8800")
    }
  }
  const line = drawTmux(
    {
      ...(narrow ? { narrow } : {}),
      ...(named === undefined ? {} : { theme: named }),
      ...(Option.isSome(config) ? { config: config.value } : {}),
      ...(Option.isSome(maxLength) ? { maxLength: maxLength.value } : {}),
      ...(Option.isSome(fg) ? { fg: fg.value } : {}),
      ...(Option.isSome(bg) ? { bg: bg.value } : {}),
    },
    process.env,
  )
  if (yield* Json) return yield* print(JSON.stringify({ line }))
  if (line !== "") yield* print(line)
})
