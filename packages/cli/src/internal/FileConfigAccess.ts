/**
 * The configuration in the files, for when no host runs: through a ConfigStore of its own, under the same lock as a host's writes. There is
 * no graph here, so a change is checked against the schema alone. Who reads makes no file and changes none.
 */
import type * as ConfigGroup from "@signalbox/api/ConfigGroup"
import type { Change } from "@signalbox/core/ConfigDocument"
import { type ConfigStoreError, format } from "@signalbox/core/ConfigError"
import type * as ConfigStore from "@signalbox/core/ConfigStore"
import * as Signalbox from "@signalbox/node/Signalbox"
import { HostConfig } from "@signalbox/server/HostConfig"
import * as HostEnvironment from "@signalbox/server/HostEnvironment"
import { Context, Effect, Layer, Logger, type Schema } from "effect"
import type { Access, Edit, Proposal, Where } from "./ConfigAccess.ts"
import { lastGood } from "./ConfigFailure.ts"
import type { Failure } from "./Failure.ts"
import { layerReadOnly } from "./FileConfigAccess/readOnly.ts"
import { mustBeReadable, mustBeWritable } from "./FilePermissions.ts"
import { lookUp } from "./findValue.ts"
import { fromStore } from "./StoreFailure.ts"

type Store = ConfigStore.Shape<(typeof HostConfig.schema)["Type"]>

export const withLocal = <A, E, R>(
  at: Where,
  intent: "read" | "write",
  use: (access: Access) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E | Failure, R> =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* intent === "write" ? mustBeWritable(at.place.config) : mustBeReadable(at.place.config)
      const opened = Effect.mapError(Layer.build(layerOf(at, intent)), fromStore)
      const context = yield* intent === "read" ? Effect.provide(opened, Logger.layer([])) : opened
      const store = Context.get(context, HostConfig)
      if (intent === "read") yield* warnReader(at, store)
      return yield* Effect.provideContext(use(local(at, store)), context)
    }),
  )

/** Who only reads is not told of each word that means nothing, as a host does not tell him; but each time of what matters to what he reads. */
const warnReader = ({ place }: Where, store: Store) =>
  Effect.gen(function* () {
    if ((yield* store.problems).length > 0) yield* Effect.logWarning(lastGood(place.config))
    for (const warning of yield* store.warnings)
      if (warning.by === "source") yield* Effect.logWarning(format(place.config, warning))
  })

/** The document, and everything beneath it. */
export const layerOf = (at: Where, intent: "read" | "write") => {
  const beneath = at.named ? Signalbox.layerAt(at.place.config) : Signalbox.layerFor("signalbox")
  const source = intent === "read" ? Layer.provideMerge(layerReadOnly, beneath) : beneath
  return Layer.provideMerge(Layer.provide(HostConfig.layer, HostEnvironment.layer), source)
}

const local = ({ place }: Where, store: Store): Access => {
  const answered = <A>(effect: Effect.Effect<A, ConfigStoreError>) => Effect.mapError(effect, fromStore)
  const written = (
    change: Effect.Effect<ConfigStore.Accepted<unknown>, ConfigStoreError>,
  ): Effect.Effect<ConfigGroup.Written, Failure> =>
    Effect.map(answered(change), ({ changes, hash, restartRequired, revision, shadowed, warnings }) => ({
      revision,
      hash,
      changes: changes.map(wire),
      shadowed,
      restartRequired,
      source: place.config,
      warnings,
    }))
  return {
    host: undefined,
    state: Effect.all({
      document: store.document,
      effective: store.effective,
      problems: store.problems,
      warnings: store.warnings,
    }).pipe(Effect.map(({ document, ...rest }) => ({ source: place.config, ...document, ...rest }))),
    value: Effect.fnUntraced(function* (path: string) {
      const value = yield* lookUp(yield* store.effective, path)
      const { hash } = yield* store.document
      return { path, value, provenance: yield* store.provenance(path), hash }
    }),
    plan: (proposal) =>
      Effect.map(answered(store.plan(wanted(proposal))), ({ changes, ...plan }) => ({
        ...plan,
        changes: changes.map(wire),
      })),
    change: (proposal: Proposal, ifHash?: string) => {
      const options = ifHash === undefined ? {} : { ifHash }
      return written("text" in proposal ? store.replace(proposal.text, options) : store.update(proposal.edits, options))
    },
    undo: written(store.undo),
    history: Effect.gen(function* () {
      const { hash } = yield* store.document
      const entries = yield* answered(store.history)
      // The same document may have been in force several times.
      const newest = entries.findIndex((entry) => entry.hash === hash && entry.neverInForce === undefined)
      return entries.map(({ backTo: _, ...entry }, index) => ({ ...entry, current: index === newest }))
    }),
    diff: (from, to) =>
      Effect.map(answered(store.differences(from, to)), ({ changes, ...ends }) => ({
        ...ends,
        changes: changes.map(wire),
      })),
  }
}

const wanted = (proposal: Proposal): ReadonlyArray<Edit> | string =>
  "text" in proposal ? proposal.text : proposal.edits

/** As it stands in an answer of the admin API: what is absent is not there. */
const wire = ({ after, before, path }: Change): ConfigGroup.Change => ({
  path,
  ...(before === undefined ? {} : { before: before as Schema.Json }),
  ...(after === undefined ? {} : { after: after as Schema.Json }),
})
