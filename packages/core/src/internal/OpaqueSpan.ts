/** Spans of effects that return documents or configurations. A tracer learns that the effect succeeded, but never its value, which may hold secrets. */
import { Effect, type Tracer } from "effect"

export const withOpaqueSpan =
  (name: string, options?: Tracer.SpanOptionsNoTrace) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> =>
    Effect.suspend(() => {
      let result: { readonly value: A } | undefined
      const withoutValue = Effect.map(effect, (value) => {
        result = { value }
      })
      return Effect.map(Effect.withSpan(withoutValue, name, options), () => result!.value)
    })
