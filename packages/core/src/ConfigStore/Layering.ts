/** What stands above the document, and loading a text under it. */
import { Effect } from "effect"
import type { ConfigDocument, Edit, Layers, Loaded } from "../ConfigDocument.ts"
import type { Problem } from "../ConfigError.ts"
import type { Environment } from "./Environment.ts"

/** No environment: it is ignored. */
export interface Layering {
  readonly environment: Environment | undefined
  readonly runtime: ReadonlyArray<Edit>
}

/** Loads until the environment has nothing more to say to this text. */
export const loadWith = <C>(
  document: ConfigDocument<C>,
  text: string,
  layering: Layering,
  previous?: Loaded<C>,
): Effect.Effect<Loaded<C>, ReadonlyArray<Problem>> =>
  Effect.suspend(() => {
    const result = document.load(text, layersOf(layering), previous)
    const { environment } = layering
    if (environment === undefined) return Effect.fromResult(result)
    return Effect.flatMap(environment.learn, (found) =>
      found ? loadWith(document, text, layering, previous) : Effect.fromResult(result),
    )
  })

export const layersOf = ({ environment, runtime }: Layering): Layers =>
  environment === undefined ? { runtime } : { environment: environment.lookup, runtime }
