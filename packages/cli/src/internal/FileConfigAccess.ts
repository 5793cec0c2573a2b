/**
 * The configuration in the files, for when no host is running: through a ConfigStore of its own, under the same lock as a host's writes. No services
 * exist here, so a change is checked against the schema alone. With the intent to read, no file is created or changed.
 */
import type * as ConfigGroup from "@signalbox/api/ConfigGroup"
import type { Change } from "@signalbox/core/ConfigDocument"
import { type ConfigStoreError, format } from "@signalbox/core/ConfigError"
import type * as ConfigStore from "@signalbox/core/ConfigStore"
import * as Signalbox from "@signalbox/node/Signalbox"
import { HostConfig } from "@signalbox/server/HostConfig"
import * as HostEnvironment from "@signalbox/server/HostEnvironment"
import { Context, Effect, Layer, Logger, type Schema } from "effect"
import type { ConfigAccess, Edit, Proposal } from "./ConfigAccess.ts"
import { lastGoodNote, rejected } from "./ConfigFailure.ts"
import type { Failure } from "./Failure.ts"
import { layerReadOnly } from "./FileConfigAccess/readOnly.ts"
import { requireReadable, requireWritable } from "./FilePermissions.ts"
import { findValue } from "./findValue.ts"
import { storeFailure, withVariableNames } from "./storeFailure.ts"
import type { Target } from "./Target.ts"

type Store = ConfigStore.Shape<(typeof HostConfig.schema)["Type"]>

export const withFileConfig = <A, E, R>(
  target: Target,
  intent: "read" | "write",
  use: (access: ConfigAccess) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E | Failure, R> =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* intent === "write" ? requireWritable(target.paths.config) : requireReadable(target.paths.config)
      const opened = Effect.mapError(Layer.build(layerOf(target, intent)), storeFailure)
      const context = yield* Effect.provide(opened, Logger.layer([]))
      const store = Context.get(context, HostConfig)
      yield* logForCommand(target, store)
      return yield* Effect.provideContext(use(accessTo(target, store)), context)
    }),
  )

/** Logs what concerns every command, such as a refused document or a file mode. Commands print the warnings about what they change. */
const logForCommand = ({ paths }: Target, store: Store) =>
  Effect.gen(function* () {
    if ((yield* store.problems).length > 0) yield* Effect.logWarning(lastGoodNote(paths.config))
    for (const warning of yield* store.warnings)
      if (warning.by === "source") yield* Effect.logWarning(format(paths.config, warning))
  })

/** The document's ConfigStore, and everything that it needs. */
export const layerOf = (target: Target, intent: "read" | "write") => {
  const files = target.isNamed ? Signalbox.layerAt(target.paths.config) : Signalbox.layerFor("signalbox")
  const source = intent === "read" ? Layer.provideMerge(layerReadOnly, files) : files
  return Layer.provideMerge(Layer.provide(HostConfig.layer, HostEnvironment.layer), source)
}

const accessTo = ({ paths }: Target, store: Store): ConfigAccess => {
  const orFailure = <A>(effect: Effect.Effect<A, ConfigStoreError>) => Effect.mapError(effect, storeFailure)
  const orRefusal = <A>(effect: Effect.Effect<A, ConfigStoreError>) =>
    Effect.mapError(effect, (error) =>
      error.reason._tag === "Rejected" ? rejected(withVariableNames(error.reason.problems)) : storeFailure(error),
    )
  const written = (
    change: Effect.Effect<ConfigStore.Accepted<unknown>, ConfigStoreError>,
  ): Effect.Effect<ConfigGroup.Written, Failure> =>
    Effect.map(
      orRefusal(withoutWarnings(paths.config, store, change)),
      ({ changes, hash, restartRequired, revision, shadowed, warnings }) => ({
        revision,
        hash,
        changes: changes.map(withoutAbsent),
        shadowed,
        restartRequired,
        source: paths.config,
        warnings,
      }),
    )
  return {
    host: undefined,
    state: Effect.all({
      document: store.document,
      effective: store.effective,
      problems: store.problems,
      warnings: store.warnings,
    }).pipe(Effect.map(({ document, ...rest }) => ({ source: paths.config, ...document, ...rest }))),
    summary: Effect.all({ document: store.document, problems: store.problems, warnings: store.warnings }).pipe(
      Effect.map(({ document: { hash, revision }, ...rest }) => ({ source: paths.config, hash, revision, ...rest })),
    ),
    value: Effect.fnUntraced(function* (path: string) {
      const value = yield* findValue(yield* store.effective, path)
      const { hash } = yield* store.document
      return { path, value, provenance: yield* store.provenance(path), hash }
    }),
    plan: (proposal) =>
      Effect.map(orRefusal(store.plan(textOrEdits(proposal))), ({ changes, ...plan }) => ({
        ...plan,
        changes: changes.map(withoutAbsent),
      })),
    change: (proposal, ifHash) => {
      const options = ifHash === undefined ? {} : { ifHash }
      return written("text" in proposal ? store.replace(proposal.text, options) : store.update(proposal.edits, options))
    },
    undo: written(store.undo),
    history: Effect.gen(function* () {
      const { hash } = yield* store.document
      const entries = yield* orFailure(store.history)
      // A document may have been in force several times.
      const newest = entries.findIndex((entry) => entry.hash === hash && entry.neverInForce === undefined)
      return entries.map(({ backTo: _, ...entry }, index) => ({ ...entry, current: index === newest }))
    }),
    diff: (from, to) =>
      Effect.map(orFailure(store.differences(from, to)), ({ changes, ...ends }) => ({
        ...ends,
        changes: changes.map(withoutAbsent),
      })),
  }
}

/** Leaves out the log lines with warnings of the document, which the command prints itself where they concern it. */
const withoutWarnings = <A, E>(name: string, { warnings }: Store, change: Effect.Effect<A, E>) =>
  Effect.suspend(() => {
    const lines: Array<unknown> = []
    const collector = Logger.make<unknown, void>(({ logLevel, message }) => {
      if (logLevel === "Warn" || logLevel === "Error" || logLevel === "Fatal") lines.push(message)
    })
    const printed = Effect.gen(function* () {
      const known = new Set<unknown>((yield* warnings).map((warning) => format(name, warning)))
      for (const line of lines) if (!known.has(textOf(line))) yield* Effect.logWarning(line)
    })
    return Effect.ensuring(Effect.provide(change, Logger.layer([collector])), printed)
  })

const textOf = (message: unknown): unknown => (Array.isArray(message) && message.length === 1 ? message[0] : message)

const textOrEdits = (proposal: Proposal): ReadonlyArray<Edit> | string =>
  "text" in proposal ? proposal.text : proposal.edits

/** The form of the admin API, which leaves out an absent side. */
const withoutAbsent = ({ after, before, path }: Change): ConfigGroup.Change => ({
  path,
  ...(before === undefined ? {} : { before: before as Schema.Json }),
  ...(after === undefined ? {} : { after: after as Schema.Json }),
})
