/**
 * The providers of the document, the events of their changes, and their outages. An outage is the state of an outside party, not
 * configuration: it belongs to no generation and outlives the rebuild of a client. It ends when a request succeeds or the settings of the
 * provider change.
 */
import { Cause, Clock, Context, Effect, Layer, Redacted, References, Schema, Stream } from "effect"
import { EventBus } from "./EventBus.ts"
import { ApiKey, BaseUrl } from "./internal/Endpoint.ts"
import { failureMessage } from "./internal/FailureMessage.ts"
import {
  ProviderAdded,
  ProviderChanged,
  ProviderFailed,
  type ProviderField,
  ProviderRecovered,
  ProviderRemoved,
} from "./ModelEvents.ts"
import { namedRecord } from "./ModelSettings.ts"
import { Reconciler } from "./Reconciler.ts"
import * as Setting from "./Setting.ts"

const endpoint = (baseUrl: string) => ({
  baseUrl: BaseUrl.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(baseUrl)),
    Schema.withConstructorDefault(Effect.succeed(baseUrl)),
  ),
  apiKey: Schema.optionalKey(Schema.RedactedFromValue(ApiKey)),
})
const wireKeys = { baseUrl: "base_url", apiKey: "api_key" } as const

/** One provider. On the wire: `{ kind: "openai" | "anthropic", base_url?, api_key? }` or `{ kind: "echo" }`. */
export const Provider = Schema.Union([
  /** Any provider with OpenAI's protocol. */
  Schema.Struct({ kind: Schema.Literal("openai"), ...endpoint("https://api.openai.com/v1") }).pipe(
    Schema.encodeKeys(wireKeys),
  ),
  Schema.Struct({ kind: Schema.Literal("anthropic"), ...endpoint("https://api.anthropic.com") }).pipe(
    Schema.encodeKeys(wireKeys),
  ),
  /** Responds with the prompt, for trials without a key. */
  Schema.Struct({ kind: Schema.Literal("echo") }),
]).annotate({ expected: 'a provider whose kind is "openai", "anthropic" or "echo"' })
export type Provider = typeof Provider.Type

/** The most providers in a document, and the most outages at one time. */
export const maxProviders = 1_000

/** The document's providers by id. Default: none. */
export class ProviderSettings extends Setting.Service<ProviderSettings>()(
  "@signalbox/core/ProviderSettings",
  namedRecord(Provider, maxProviders).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
) {}

/** A provider is down. */
export interface Outage {
  readonly provider: string
  /** Bounded, without keys of providers. */
  readonly reason: string
  /** The start of the outage in milliseconds since 1970. */
  readonly since: number
}

/**
 * The outages of providers. Publishes their events, and the events of changed provider settings.
 *
 * **Example** (Reporting an outage)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { EventBus, Providers, ProviderSettings, Reconciler, Setting } from "@signalbox/core"
 * import { Effect, Layer } from "effect"
 *
 * const host = Providers.layer.pipe(
 *   Layer.provide(Setting.layerFrom(ProviderSettings, {})),
 *   Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
 * )
 * const program = Effect.gen(function* () {
 *   const providers = yield* Providers
 *   yield* providers.failed("openai", "connection refused")
 *   const reason = providers.outage("openai")?.reason
 *   yield* providers.recovered("openai")
 *   return { reason, outages: yield* providers.outages }
 * })
 *
 * const { outages, reason } = await Effect.runPromise(Effect.provide(program, host))
 * strictEqual(reason, "connection refused")
 * strictEqual(outages.length, 0)
 * ```
 */
export class Providers extends Context.Service<
  Providers,
  {
    /**
     * Marks a provider as down, so that `Models` refuses its routes. The provider's client calls it.
     *
     * **Details**
     *
     * The first call of an outage publishes `provider.failed`; further calls do nothing. Beyond 1,000 outages the oldest is dropped.
     */
    readonly failed: (provider: string, reason: string) => Effect.Effect<void>
    /** Ends the outage of a provider, if it has one. */
    readonly recovered: (provider: string) => Effect.Effect<void>
    /** Returns the outage of a provider, or `undefined`. Synchronous, because every request calls it. */
    readonly outage: (provider: string) => Outage | undefined
    /** All outages, the oldest first. */
    readonly outages: Effect.Effect<ReadonlyArray<Outage>>
  }
>()("@signalbox/core/Providers") {
  static readonly layer: Layer.Layer<Providers, never, ProviderSettings | Reconciler | EventBus> = Layer.effect(
    Providers,
    Effect.suspend(() => make),
  )
}

type ProvidersById = Readonly<Record<string, Provider>>

const make = Effect.gen(function* () {
  const bus = yield* EventBus
  const clock = yield* Clock.Clock
  const settings = yield* ProviderSettings
  const { valueIn } = settings["~signalbox/Setting"]
  const outages = new Map<string, Outage>()

  const reconciler = yield* Reconciler
  yield* reconciler.observe((before, after) => providerEvents(valueIn(before.values), valueIn(after.values)))

  const end = (provider: string) =>
    withoutYield(() => (outages.delete(provider) ? bus.publish(new ProviderRecovered({ provider })) : Effect.void))

  const begin = (provider: string, reason: string) =>
    withoutYield(() => {
      if (outages.has(provider)) return Effect.void
      outages.set(provider, { provider, reason, since: clock.currentTimeMillisUnsafe() })
      return bus.publish(new ProviderFailed({ provider, reason }))
    })

  const oldest = Effect.suspend(() => {
    const [first] = outages.keys()
    return first !== undefined && outages.size >= maxProviders
      ? Effect.andThen(
          Effect.logWarning(`${maxProviders} providers are down, so the outage of ${first} is dropped`),
          end(first),
        )
      : Effect.void
  })

  // A client that drains may still report a key that was rotated out, so earlier settings are kept to conceal their keys.
  let recent: ReadonlyArray<ProvidersById> = []
  let known: ProvidersById = yield* settings.get
  yield* settings.changes.pipe(
    Stream.runForEach((current) => {
      const before = known
      known = current
      recent = [before, ...recent].slice(0, maxRecentSettings)
      // These events follow the events of the commit: the provider changed first, then its outage ended.
      const ended = [...outages.keys()].filter(
        (provider) => providerOf(before, provider) !== providerOf(current, provider),
      )
      return Effect.forEach(ended, end, { discard: true })
    }),
    Effect.forkScoped({ startImmediately: true }),
  )

  return Providers.of({
    failed: Effect.fn("Providers.failed")((provider: string, reason: string) => {
      if (outages.has(provider)) return Effect.void
      const message = failureMessage(Cause.fail(new Error(reason)), [known, ...recent])
      return Effect.andThen(oldest, begin(provider, message))
    }),
    // Hot paths, called for each request: they have no spans.
    recovered: (provider) => Effect.suspend(() => (outages.has(provider) ? end(provider) : Effect.void)),
    outage: (provider) => outages.get(provider),
    outages: Effect.sync(() => [...outages.values()]),
  })
})

const maxRecentSettings = 16

/** Prevents a yield between changing the state and publishing the event, so that events have the order of the state changes. */
const withoutYield = (step: () => Effect.Effect<void>): Effect.Effect<void> =>
  Effect.provideService(Effect.suspend(step), References.PreventSchedulerYield, true)

const providerOf = (providers: ProvidersById, provider: string): Provider | undefined =>
  Object.hasOwn(providers, provider) ? providers[provider] : undefined

const providerEvents = (before: ProvidersById, after: ProvidersById) => {
  if (before === after) return []
  const events: Array<ProviderAdded | ProviderChanged | ProviderRemoved> = []
  for (const provider of Object.keys(before)) {
    if (!Object.hasOwn(after, provider)) events.push(new ProviderRemoved({ provider }))
  }
  for (const [provider, current] of Object.entries(after)) {
    const { kind } = current
    const old = providerOf(before, provider)
    if (old === undefined) events.push(new ProviderAdded({ provider, kind }))
    else {
      const [first, ...rest] = changedFields(old, current)
      if (first !== undefined) events.push(new ProviderChanged({ provider, kind, changed: [first, ...rest] }))
    }
  }
  return events
}

const changedFields = (before: Provider, after: Provider): ReadonlyArray<ProviderField> => {
  if (before === after) return []
  const changed: Array<ProviderField> = []
  if (before.kind !== after.kind) changed.push("kind")
  if (baseUrlOf(before) !== baseUrlOf(after)) changed.push("base_url")
  if (apiKeyOf(before) !== apiKeyOf(after)) changed.push("api_key")
  return changed
}

const baseUrlOf = (provider: Provider): string | undefined => ("baseUrl" in provider ? provider.baseUrl : undefined)

const apiKeyOf = (provider: Provider): string | undefined =>
  "apiKey" in provider && provider.apiKey !== undefined ? Redacted.value(provider.apiKey) : undefined
