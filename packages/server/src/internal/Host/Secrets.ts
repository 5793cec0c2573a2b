/**
 * The secrets that no line of a host's output may contain: those of the settings in force, and earlier ones that a service in release may still
 * use.
 */
import { concealer, secretsIn } from "@signalbox/core/Concealment"
import { type Generation, Reconciler } from "@signalbox/core/Reconciler"
import { withoutSecretForms } from "@signalbox/core/SecretForms"
import { Context, Effect, Layer } from "effect"
import { HostConfig } from "../../HostConfig.ts"

/** The 1,000 secrets that a document may hold, and 256 earlier ones. Each secret makes redaction slower. */
const maxSecrets = 1_256

export class Secrets extends Context.Service<
  Secrets,
  {
    readonly redact: (text: string) => string
    /** Adds every `Redacted` value within `values`. Above the bound, the secrets that left force first are forgotten. */
    readonly add: (values: Iterable<unknown>) => void
  }
>()("@signalbox/server/Secrets") {
  static readonly layer: Layer.Layer<Secrets> = Layer.sync(Secrets, () => {
    // Ordered by when each was last in force.
    const known = new Set<string>()
    let redact: ((text: string) => string) | undefined
    return Secrets.of({
      redact: (text) => {
        redact ??= concealer(known)
        return withoutSecretForms(redact(text), "<redacted>")
      },
      add: (values) => {
        for (const secret of secretsIn(values)) {
          known.delete(secret)
          known.add(secret)
        }
        for (const oldest of known) {
          if (known.size <= maxSecrets) break
          known.delete(oldest)
        }
        redact = undefined
      },
    })
  })

  /** Adds the secrets of every commit, during the commit. Requires that all settings are registered with the Reconciler. */
  static readonly layerFollowing: Layer.Layer<never, never, Secrets | Reconciler> = Layer.effectDiscard(
    Effect.gen(function* () {
      const { add } = yield* Secrets
      const reconciler = yield* Reconciler
      add(settingsOf(yield* reconciler.current))
      yield* reconciler.observe((before, after) => {
        const known = new Set(before.values.values())
        const added = settingsOf(after).filter((value) => !known.has(value))
        if (added.length > 0) add(added)
        return []
      })
    }),
  )
}

/** All settings except the whole configuration, whose parts are settings themselves. */
const settingsOf = ({ values }: Generation): ReadonlyArray<unknown> =>
  [...values].flatMap(([key, value]) => (key === HostConfig.key ? [] : [value]))
