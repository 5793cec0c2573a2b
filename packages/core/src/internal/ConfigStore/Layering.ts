/** The layers above the document, and loading a text under them. */
import { Effect } from "effect"
import type { ConfigDocument, Edit, Layers, Loaded } from "../../ConfigDocument.ts"
import type { Problem } from "../../ConfigError.ts"
import type { Environment } from "./Environment.ts"

/** Without `environment`, the environment is ignored. */
export interface Layering {
  readonly environment: Environment | undefined
  readonly runtime: ReadonlyArray<Edit>
}

/** Asks again until the environment has no more values for it. */
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
  environment === undefined
    ? { runtime }
    : { environment: environment.lookup, mayHaveVariables: environment.mayHave, runtime }
