/** Spans of effects that answer with documents or configurations: a tracer is told that they succeeded, and not with what (P10). */
import { Effect, type Tracer } from "effect"

export const withOpaqueSpan =
  (name: string, options?: Tracer.SpanOptionsNoTrace) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> =>
    Effect.suspend(() => {
      let answer: { readonly value: A } | undefined
      const told = Effect.map(effect, (value) => {
        answer = { value }
      })
      // A span that has succeeded has an answer.
      return Effect.map(Effect.withSpan(told, name, options), () => answer!.value)
    })
