/**
 * The span of one exchange with a provider, a child of the request's span. Its attributes follow OpenTelemetry's conventions for generative AI and
 * never contain bodies, headers or keys.
 */
import type { Route } from "@signalbox/core/Models"
import { Effect, type Fiber, References, Tracer } from "effect"
import type { Call } from "./Call.ts"
import { tokensOf } from "./Usage.ts"

/** Whether a tracer records spans. Effect's native tracer exports nothing, so the gateway creates no span for it. */
export const isTraced = (fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  fiber.getRef(Tracer.Tracer) !== Tracer.nativeTracer && fiber.getRef(References.TracerEnabled)

export const withAttemptSpan = <A, E, R>(
  exchange: Effect.Effect<A, E, R>,
  call: Call,
  { alias, provider, upstream }: Route,
): Effect.Effect<A, E, R> => {
  const attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": provider,
    "gen_ai.request.model": upstream,
    "signalbox.alias": alias,
  }
  return Effect.useSpan("Gateway.attempt", { kind: "client", attributes }, (span) =>
    Effect.onExit(exchange, () => Effect.sync(() => annotate(span, call))),
  )
}

const annotate = (span: Tracer.Span, { error, status, usage }: Call): void => {
  if (status !== undefined) span.attribute("http.response.status_code", status)
  if (error !== undefined) span.attribute("error.type", error)
  const tokens = usage === undefined ? undefined : tokensOf(usage.toString())
  if (tokens === undefined) return
  span.attribute("gen_ai.usage.input_tokens", tokens.inputTokens + tokens.cacheReadTokens)
  span.attribute("gen_ai.usage.output_tokens", tokens.outputTokens)
}
