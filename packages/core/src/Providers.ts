/**
 * Where requests go: the providers of the document, what changes about them, and which of them are down. Being down is the state of an
 * outside party, not configuration: it belongs to no generation, outlives the rebuild of a client, and ends when a request succeeds again
 * or the provider gets other settings.
 */
import { Cause, Clock, Context, Effect, Layer, Redacted, References, Schema, Stream } from "effect"
import { EventBus } from "./EventBus.ts"
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

/** An http(s) URL without credentials, query and fragment; a document is shown to people who may not see a key. */
const BaseUrl = Schema.String.check(
  Schema.isPattern(/^https?:\/\/[^\s/?#@\\]+(?:\/[^\s?#@\\]*)?$/i, {
    message: "must be an http or https URL without user, query and fragment; a credential belongs into api_key",
  }),
)

const endpoint = (baseUrl: string) => ({
  baseUrl: BaseUrl.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(baseUrl)),
    Schema.withConstructorDefault(Effect.succeed(baseUrl)),
  ),
  apiKey: Schema.optionalKey(Schema.RedactedFromValue(Schema.NonEmptyString)),
})
const wireKeys = { baseUrl: "base_url", apiKey: "api_key" } as const

/** One provider. On the wire: `{ kind: "openai" | "anthropic", base_url?, api_key? }` or `{ kind: "echo" }`. */
export const Provider = Schema.Union([
  /** Anything that speaks OpenAI's protocol. */
  Schema.Struct({ kind: Schema.Literal("openai"), ...endpoint("https://api.openai.com/v1") }).pipe(
    Schema.encodeKeys(wireKeys),
  ),
  Schema.Struct({ kind: Schema.Literal("anthropic"), ...endpoint("https://api.anthropic.com") }).pipe(
    Schema.encodeKeys(wireKeys),
  ),
  /** Answers from the prompt: for trying things without a key. */
  Schema.Struct({ kind: Schema.Literal("echo") }),
]).annotate({ expected: 'a provider whose kind is "openai", "anthropic" or "echo"' })
export type Provider = typeof Provider.Type

/** At most so many providers in a document, and so many that are down at once. */
export const maxProviders = 1_000

/** The document's providers by id; none without the key. */
export class ProviderSettings extends Setting.Service<ProviderSettings>()(
  "@signalbox/core/ProviderSettings",
  namedRecord(Provider, maxProviders).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
) {}

/** A provider that is down. */
export interface Outage {
  readonly provider: string
  /** Bounded, without the providers' keys. */
  readonly reason: string
  /** Milliseconds since 1970. */
  readonly since: number
}

/** Which providers are down, and the events of all that changes about them. */
export class Providers extends Context.Service<
  Providers,
  {
    /**
     * Routes to this provider are refused from now on: for whoever runs its client. The first call of an outage publishes
     * `provider.failed`, the others do nothing. Of more than 1,000 the outage that began first is forgotten.
     */
    readonly failed: (provider: string, reason: string) => Effect.Effect<void>
    /** The provider answered; ends its outage, if there is one. */
    readonly recovered: (provider: string) => Effect.Effect<void>
    /** The provider's outage, if it is down. Synchronous: every request asks. */
    readonly outage: (provider: string) => Outage | undefined
    /** All of them, the oldest first. */
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
    inOneStep(() => (outages.delete(provider) ? bus.publish(new ProviderRecovered({ provider })) : Effect.void))

  const begin = (provider: string, reason: string) =>
    inOneStep(() => {
      if (outages.has(provider)) return Effect.void
      outages.set(provider, { provider, reason, since: clock.currentTimeMillisUnsafe() })
      return bus.publish(new ProviderFailed({ provider, reason }))
    })

  const oldest = Effect.suspend(() => {
    const [first] = outages.keys()
    return first !== undefined && outages.size >= maxProviders
      ? Effect.andThen(
          Effect.logWarning(`${maxProviders} providers are down; that ${first} is will not be remembered`),
          end(first),
        )
      : Effect.void
  })

  // A client that is being drained may still report a key that was rotated out meanwhile.
  let recent: ReadonlyArray<ProvidersById> = []
  let known: ProvidersById = yield* settings.get
  yield* settings.changes.pipe(
    Stream.runForEach((current) => {
      const before = known
      known = current
      recent = [before, ...recent].slice(0, maxRecent)
      // After the commit's own events: the provider has changed, and then it is no longer held to be down.
      const ended = [...outages.keys()].filter((provider) => own(before, provider) !== own(current, provider))
      return Effect.forEach(ended, end, { discard: true })
    }),
    Effect.forkScoped({ startImmediately: true }),
  )

  return Providers.of({
    failed: (provider, reason) =>
      Effect.suspend(() => {
        if (outages.has(provider)) return Effect.void
        const shown = failureMessage(Cause.fail(new Error(reason)), [known, ...recent])
        return Effect.andThen(oldest, begin(provider, shown))
      }),
    recovered: (provider) => Effect.suspend(() => (outages.has(provider) ? end(provider) : Effect.void)),
    outage: (provider) => outages.get(provider),
    outages: Effect.sync(() => [...outages.values()]),
  })
})

const maxRecent = 16

/** State and event change together: with a yield between them two fibers could publish in another order than they acted in. */
const inOneStep = (step: () => Effect.Effect<void>): Effect.Effect<void> =>
  Effect.provideService(Effect.suspend(step), References.PreventSchedulerYield, true)

const own = (providers: ProvidersById, provider: string): Provider | undefined =>
  Object.hasOwn(providers, provider) ? providers[provider] : undefined

const providerEvents = (before: ProvidersById, after: ProvidersById) => {
  if (before === after) return []
  const events: Array<ProviderAdded | ProviderChanged | ProviderRemoved> = []
  for (const provider of Object.keys(before)) {
    if (!Object.hasOwn(after, provider)) events.push(new ProviderRemoved({ provider }))
  }
  for (const [provider, current] of Object.entries(after)) {
    const { kind } = current
    const old = own(before, provider)
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
