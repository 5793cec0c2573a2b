/**
 * `complete KIND`: the words that a completion script offers, one a line: paths, aliases, providers, keys. Not listed in the help. It prints nothing when
 * it fails, because the shell shows its output while the user types.
 */
import { dotted } from "@signalbox/core/ChangeSummary"
import { pointer } from "@signalbox/core/JsonPointer"
import { Effect, Logger, type Schema } from "effect"
import type { CompletedKind } from "../completedKinds.ts"
import { print } from "../Print.ts"
import { withConfig } from "../withConfig.ts"
import { membersOf } from "./membersOf.ts"

/** Without words that bash would split or expand. */
export const complete = (kind: CompletedKind) =>
  Effect.flatMap(wordsOf(kind), (words) =>
    print(words.filter((word) => !/[\s*?[\]\p{Cc}]/u.test(word)).join("\n")),
  ).pipe(Effect.provide(Logger.layer([])), Effect.ignoreCause)

const wordsOf = (kind: CompletedKind) => (kind === "keys" ? keyIds : namesIn(kind))

const keyIds = Effect.gen(function* () {
  const { keyStore } = yield* Effect.promise(() => import("./keys/KeyStore.ts"))
  const keys = yield* (yield* keyStore).list
  return keys.map(({ id }) => id)
})

const namesIn = (kind: Exclude<CompletedKind, "keys">) =>
  withConfig("read", (access) =>
    Effect.map(access.state, ({ effective }) => {
      if (kind === "paths") return pathsIn(effective, []).slice(0, maxPaths)
      return Object.keys(membersOf(membersOf(effective)[kind === "aliases" ? "models" : "providers"]))
    }),
  )

const maxPaths = 2_000

const pathsIn = (value: Schema.Json | undefined, above: ReadonlyArray<string>): ReadonlyArray<string> =>
  Object.entries(membersOf(value)).flatMap(([name, member]) => {
    const tokens = [...above, name]
    return [dotted(pointer(tokens)), ...pathsIn(member, tokens)]
  })
