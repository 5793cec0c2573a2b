/** What stands above the document, and loading a text under it. */
import { Effect } from "effect"
import type { ConfigDocument, Edit, Layers, Loaded } from "../../ConfigDocument.ts"
import type { Problem } from "../../ConfigError.ts"
import type { Environment } from "./Environment.ts"

/** No environment: it is ignored. */
export interface Layering {
  readonly environment: Environment | undefined
  readonly runtime: ReadonlyArray<Edit>
}

/** Asks until the environment has nothing more to say to it. */
export const learned = <A>(layering: Layering, ask: (layers: Layers) => A): Effect.Effect<A, ReadonlyArray<Problem>> =>
  Effect.suspend(() => {
    const answer = ask(layersOf(layering))
    const { environment } = layering
    if (environment === undefined) return Effect.succeed(answer)
    return Effect.flatMap(environment.learn, (found) => (found ? learned(layering, ask) : Effect.succeed(answer)))
  })

export const loadWith = <C>(
  document: ConfigDocument<C>,
  text: string,
  layering: Layering,
  previous?: Loaded<C>,
): Effect.Effect<Loaded<C>, ReadonlyArray<Problem>> =>
  Effect.flatMap(
    learned(layering, (layers) => document.load(text, layers, previous)),
    Effect.fromResult,
  )

export const layersOf = ({ environment, runtime }: Layering): Layers =>
  environment === undefined ? { runtime } : { environment: environment.lookup, runtime }
