/** `config path`: where the document stands, whether or not it is there yet. */
import { existsSync } from "node:fs"
import { Effect } from "effect"
import { where } from "../../ConfigAccess.ts"
import { answer } from "../../Print.ts"
import { line } from "../../TextFormat.ts"

export const path = Effect.flatMap(where, ({ place: { config, directory } }) =>
  answer({ path: config, directory, exists: existsSync(config) }, () => line(config)),
)
