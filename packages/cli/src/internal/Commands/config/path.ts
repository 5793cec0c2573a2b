/** `config path`: the path of the document, whether or not it exists. */
import { existsSync } from "node:fs"
import { Effect } from "effect"
import { printResult } from "../../Print.ts"
import { localTarget } from "../../Target.ts"
import { escapeLine } from "../../TextFormat.ts"

export const path = Effect.flatMap(localTarget("print the path of the document"), ({ paths: { config, directory } }) =>
  printResult({ path: config, directory, exists: existsSync(config) }, () => escapeLine(config)),
)
