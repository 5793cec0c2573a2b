/**
 * The secrets that no line of a host may hold: those of the settings in force, and those that were in force a while ago, as a service that is
 * being let go may still know them.
 */
import { concealer, secretsIn } from "@signalbox/core/Concealment"
import { type Generation, Reconciler } from "@signalbox/core/Reconciler"
import { Context, Effect, Layer } from "effect"
import { HostConfig } from "../../HostConfig.ts"

/** Current and former ones together: 1,000, for which the document has room, and 256 that were in force. Each makes a change dearer. */
const maxSecrets = 1_256

export class Secrets extends Context.Service<
  Secrets,
  {
    readonly conceal: (text: string) => string
    /** Whatever is `Redacted` in these values is concealed from now on. */
    readonly learn: (values: Iterable<unknown>) => void
  }
>()("@signalbox/server/Secrets") {
  static readonly layer: Layer.Layer<Secrets> = Layer.sync(Secrets, () => {
    // In the order in which they were last in force.
    const known = new Set<string>()
    let conceal: ((text: string) => string) | undefined
    return Secrets.of({
      conceal: (text) => {
        conceal ??= concealer(known)
        return conceal(text)
      },
      learn: (values) => {
        for (const secret of secretsIn(values)) {
          known.delete(secret)
          known.add(secret)
        }
        for (const oldest of known) {
          if (known.size <= maxSecrets) break
          known.delete(oldest)
        }
        conceal = undefined
      },
    })
  })

  /** Learns what every commit brings, in the commit. The settings must stand beneath it. */
  static readonly layerFollowing: Layer.Layer<never, never, Secrets | Reconciler> = Layer.effectDiscard(
    Effect.gen(function* () {
      const { learn } = yield* Secrets
      const reconciler = yield* Reconciler
      learn(settingsOf(yield* reconciler.current))
      yield* reconciler.observe((before, after) => {
        const known = new Set(before.values.values())
        const news = settingsOf(after).filter((value) => !known.has(value))
        if (news.length > 0) learn(news)
        return []
      })
    }),
  )
}

/** The whole configuration stands beside its parts: to look through these is enough. */
const settingsOf = ({ values }: Generation): ReadonlyArray<unknown> =>
  [...values].flatMap(([key, value]) => (key === HostConfig.key ? [] : [value]))
