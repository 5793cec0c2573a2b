/** `models add` and `models remove`: one member of `models` in the document. */
import { pointer } from "@signalbox/core/JsonPointer"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Effect, Option, type Schema } from "effect"
import { conflict, failed, usage } from "../../Failure.ts"
import { shellWord } from "../../shellWord.ts"
import { escapeLine } from "../../TextFormat.ts"
import { withConfig } from "../../withConfig.ts"
import { printWritten } from "../config/changeReport.ts"
import { writeEdits } from "../config/writeEdits.ts"
import { membersOf } from "../membersOf.ts"

interface Added {
  readonly alias: string
  readonly upstream: Option.Option<string>
  readonly provider: Option.Option<string>
  readonly keys: Option.Option<string>
  readonly disabled: boolean
}

export const add = ({ alias, disabled, keys, provider, upstream }: Added) =>
  withConfig("write", (access) =>
    Effect.gen(function* () {
      const before = yield* access.state
      const { models, providers } = membersOf(before.effective)
      if (Object.hasOwn(membersOf(models), alias)) {
        return yield* conflict(
          "conflict",
          `there is a model ${quoted(alias)} already; nothing was changed`,
          "choose another alias, or change that one with `signalbox config set`",
        )
      }
      const value = {
        provider: yield* providerOf(provider, Object.keys(membersOf(providers))),
        upstream: Option.getOrElse(upstream, () => alias),
        ...(disabled ? { enabled: false } : {}),
        ...(Option.isSome(keys) ? { allowed_keys: wordsOf(keys.value) } : {}),
      }
      const path = pointer(["models", alias])
      const written = yield* writeEdits(access, [{ path, value }], before.hash)
      yield* printWritten(access, before, written, [path])
    }),
  )

const providerOf = (named: Option.Option<string>, known: ReadonlyArray<string>) => {
  const [only, ...others] = known
  if (Option.isNone(named)) {
    return only !== undefined && others.length === 0
      ? Effect.succeed(only)
      : Effect.fail(
          usage(
            "the model needs a provider; nothing was changed",
            only === undefined
              ? "add one first: `signalbox providers add openai`"
              : `name it with --provider; there are: ${escapeLine(known.join(", "))}`,
          ),
        )
  }
  return known.includes(named.value)
    ? Effect.succeed(named.value)
    : Effect.fail(
        failed(
          "not-found",
          `there is no provider ${quoted(named.value)}${escapeLine(didYouMean(nearNames(named.value, known)))}; nothing was changed`,
          `add it first: \`signalbox providers add ${escapeLine(shellWord(named.value))}\``,
        ),
      )
}

export const remove = ({ alias }: { readonly alias: string }) =>
  withConfig("write", (access) =>
    Effect.gen(function* () {
      const before = yield* access.state
      const models = membersOf(membersOf(before.effective)["models"])
      if (!Object.hasOwn(models, alias)) {
        return yield* failed(
          "not-found",
          `the document has no model ${quoted(alias)}${escapeLine(didYouMean(nearNames(alias, Object.keys(models))))}; nothing was removed`,
          "`signalbox models` lists the models",
        )
      }
      const path = pointer(["models", alias])
      const written = yield* writeEdits(access, [{ path, remove: true }], before.hash)
      yield* printWritten(access, before, written, [path])
    }),
  )

const quoted = (name: string): string => escapeLine(JSON.stringify(name))

const wordsOf = (text: string): ReadonlyArray<Schema.Json> =>
  text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "")
