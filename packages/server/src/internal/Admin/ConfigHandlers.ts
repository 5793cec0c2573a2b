/** Handlers of the configuration endpoints. The store redacts everything it returns, so no secret reaches this module. */
import { AdminApi } from "@signalbox/api/AdminApi"
import type { Change } from "@signalbox/api/ConfigGroup"
import { Invalid, NotFound } from "@signalbox/api/Problems"
import { changeSummary } from "@signalbox/core/ChangeSummary"
import type { Edit } from "@signalbox/core/ConfigDocument"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import type { ConfigStoreError } from "@signalbox/core/ConfigError"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import type { Accepted } from "@signalbox/core/ConfigStore"
import { formatCursor } from "@signalbox/core/Event"
import { EventBus } from "@signalbox/core/EventBus"
import { find, parsePointer } from "@signalbox/core/JsonPointer"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Effect, References, type Schema } from "effect"
import { HttpApiBuilder, HttpApiSchema } from "effect/http-api"
import { HostConfig } from "../../HostConfig.ts"
import { etagOf, ifHash } from "./Precondition.ts"
import { mapChangeErrors, mapHistoryErrors } from "./ServiceProblems.ts"

export const layer = HttpApiBuilder.group(
  AdminApi,
  "config",
  Effect.fnUntraced(function* (handlers) {
    const store = yield* HostConfig
    const source = yield* ConfigSource
    const bus = yield* EventBus
    const schema = yield* Effect.cached(Effect.sync(() => ConfigDocument.jsonSchema(HostConfig)))

    const tagged = <A>(hash: string, body: A) => HttpApiSchema.withHeaders({ body, headers: { etag: etagOf(hash) } })

    const precondition = (header: string | undefined) =>
      Effect.flatMap(store.document, ({ hash }) => Effect.fromResult(ifHash(header, hash)))

    const write = Effect.fnUntraced(function* (
      header: string | undefined,
      change: (hash: string | undefined) => Effect.Effect<Accepted<unknown>, ConfigStoreError>,
    ) {
      const hash = yield* precondition(header)
      return written(yield* mapChangeErrors(hash)(change(hash)))
    })

    const written = ({ changes, hash, restartRequired, revision, shadowed, warnings }: Accepted<unknown>) => {
      const shown = changes.map(onWire)
      return tagged(hash, { revision, hash, changes: shown, shadowed, restartRequired, source: source.name, warnings })
    }

    const update = (header: string | undefined, edits: ReadonlyArray<Edit>) =>
      write(header, (hash) => store.update(edits, options(hash)))

    return handlers
      .handle("get", () =>
        Effect.gen(function* () {
          // Read first: a client that follows the feed after it sees some events twice but misses none.
          const cursor = yield* bus.cursor
          const inForce = yield* atOnce(Effect.all([store.document, store.effective, store.problems]))
          const [{ hash, revision, text }, effective, problems] = inForce
          const warnings = yield* store.warnings
          const state = { source: source.name, revision, hash, text, effective, problems, warnings }
          return tagged(hash, { ...state, cursor: formatCursor(cursor) })
        }),
      )
      .handle("summary", () =>
        Effect.gen(function* () {
          const [{ hash, revision }, problems] = yield* atOnce(Effect.all([store.document, store.problems]))
          return tagged(hash, { source: source.name, revision, hash, problems, warnings: yield* store.warnings })
        }),
      )
      .handle("replace", ({ headers, payload: { text } }) =>
        write(headers["if-match"], (hash) => store.replace(text, options(hash))),
      )
      .handle("update", ({ headers, payload: { edits } }) => update(headers["if-match"], edits))
      .handle("getValue", ({ query: { path } }) =>
        Effect.gen(function* () {
          const inForce = yield* atOnce(Effect.all([store.document, store.effectiveAt(path), store.provenance(path)]))
          const [{ hash }, found, provenance] = inForce
          const value = found === undefined ? yield* valueAt(yield* store.effective, path) : found
          return tagged(hash, { path, value, provenance, hash })
        }),
      )
      .handle("setValue", ({ headers, payload: { value }, query: { path } }) =>
        update(headers["if-match"], [{ path, value }]),
      )
      .handle("removeValue", ({ headers, query: { path } }) => update(headers["if-match"], [{ path, remove: true }]))
      .handle("plan", ({ payload }) =>
        Effect.map(mapChangeErrors()(store.plan("text" in payload ? payload.text : payload.edits)), (plan) => ({
          ...plan,
          changes: plan.changes.map(onWire),
        })),
      )
      .handle("reload", ({ payload }) =>
        Effect.map(mapChangeErrors()(store.reload(payload ?? {})), (changes) => ({
          changes: changes.map(onWire),
          summary: changeSummary(changes),
        })),
      )
      .handle("undo", () => Effect.map(mapChangeErrors()(store.undo), written))
      .handle("history", () =>
        Effect.gen(function* () {
          const { hash } = yield* store.document
          const entries = yield* mapHistoryErrors(store.history).pipe(
            Effect.catchTag("NotFound", Effect.die),
            Effect.catchTag("Rejected", Effect.die),
          )
          // A document may have been in force several times: the newest entry counts.
          const newest = entries.findIndex((entry) => entry.hash === hash && entry.neverInForce === undefined)
          return { entries: entries.map((entry, index) => ({ ...entry, current: index === newest })) }
        }),
      )
      .handle("past", ({ params: { hash } }) =>
        Effect.catchTag(mapHistoryErrors(store.past(hash)), "Rejected", Effect.die),
      )
      .handle("diff", ({ query: { from, to } }) =>
        Effect.map(mapHistoryErrors(store.differences(from, to)), ({ changes, ...hashes }) => ({
          ...hashes,
          changes: changes.map(onWire),
        })),
      )
      .handle("schema", () => schema)
  }),
)

/** Reads from one revision: a yield in between would allow another revision to take effect. */
const atOnce = Effect.provideService(References.PreventSchedulerYield, true)

const options = (hash: string | undefined) => (hash === undefined ? {} : { ifHash: hash })

/** JSON has no `undefined`: an absent side is omitted. */
const onWire = ({
  after,
  before,
  path,
}: {
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}): Change => ({
  path,
  ...(before === undefined ? {} : { before: before as Schema.Json }),
  ...(after === undefined ? {} : { after: after as Schema.Json }),
})

const valueAt = (effective: Schema.Json, path: string): Effect.Effect<Schema.Json, NotFound | Invalid> => {
  const tokens = parsePointer(path)
  if (tokens === undefined) {
    const detail = "`path` must be a JSON Pointer: it starts with /, and keys contain ~0 for ~ and ~1 for /."
    return Effect.fail(new Invalid({ detail }))
  }
  const lookup = find(effective, tokens)
  if ("found" in lookup) return Effect.succeed(lookup.found)
  const near = didYouMean(nearNames(lookup.missing, lookup.keys))
  const detail = `${path.slice(0, 200)} does not exist: ${JSON.stringify(lookup.missing.slice(0, 64))} is not set${near}.`
  return Effect.fail(new NotFound({ detail }))
}
