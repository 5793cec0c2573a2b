/** `providers add` and `providers remove`: one member of `providers` in the document. */
import { pointer } from "@signalbox/core/JsonPointer"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Effect, Option } from "effect"
import { conflict, failed, usage } from "../../Failure.ts"
import { shellWord } from "../../shellWord.ts"
import { escapeLine } from "../../TextFormat.ts"
import { valueArgument } from "../../valueArgument.ts"
import { withConfig } from "../../withConfig.ts"
import { printWritten } from "../config/changeReport.ts"
import { writeEdits } from "../config/writeEdits.ts"
import { membersOf } from "../membersOf.ts"
import { kinds } from "./kinds.ts"

interface Added {
  readonly id: string
  readonly kind: Option.Option<string>
  readonly baseUrl: Option.Option<string>
  readonly keyFromInput: boolean
}

export const add = Effect.fnUntraced(function* ({ baseUrl, id, keyFromInput, kind }: Added) {
  const named = Option.getOrElse(kind, () => kinds.find((known) => known === id))
  if (named === undefined) {
    return yield* usage(
      `provider ${quoted(id)} needs a kind; nothing was changed`,
      `add --kind: ${kinds.join(", ")}. A server with OpenAI's protocol is of the kind openai`,
    )
  }
  const key = keyFromInput ? yield* valueArgument("-", { asText: true, name: `the key of ${id}` }) : undefined
  const value = {
    kind: named,
    ...(Option.isSome(baseUrl) ? { base_url: baseUrl.value } : {}),
    ...(key === undefined ? {} : { api_key: String(key) }),
  }
  yield* withConfig("write", (access) =>
    Effect.gen(function* () {
      const before = yield* access.state
      if (Object.hasOwn(membersOf(membersOf(before.effective)["providers"]), id)) {
        return yield* conflict(
          "conflict",
          `there is a provider ${quoted(id)} already; nothing was changed`,
          "choose another id, or change that one with `signalbox config set`",
        )
      }
      const path = pointer(["providers", id])
      const written = yield* writeEdits(access, [{ path, value }], before.hash)
      yield* printWritten(access, before, written, [path])
    }),
  )
})

export const remove = ({ id }: { readonly id: string }) =>
  withConfig("write", (access) =>
    Effect.gen(function* () {
      const before = yield* access.state
      const { models, providers } = membersOf(before.effective)
      const known = Object.keys(membersOf(providers))
      if (!known.includes(id)) {
        return yield* failed(
          "not-found",
          `the document has no provider ${quoted(id)}${escapeLine(didYouMean(nearNames(id, known)))}; nothing was removed`,
          "`signalbox providers` lists the providers",
        )
      }
      const users = Object.entries(membersOf(models)).flatMap(([alias, model]) =>
        membersOf(model)["provider"] === id ? [alias] : [],
      )
      const [user] = users
      if (user !== undefined) {
        return yield* conflict(
          "conflict",
          `models use the provider ${quoted(id)}: ${escapeLine(shortList(users))}; nothing was removed`,
          `remove them first (\`signalbox models remove ${escapeLine(shellWord(user))}\`), or give them another provider`,
        )
      }
      const path = pointer(["providers", id])
      const written = yield* writeEdits(access, [{ path, remove: true }], before.hash)
      yield* printWritten(access, before, written, [path])
    }),
  )

const quoted = (name: string): string => escapeLine(JSON.stringify(name))

const maxListed = 5

const shortList = (names: ReadonlyArray<string>): string =>
  [...names.slice(0, maxListed), ...(names.length > maxListed ? [`${names.length - maxListed} more`] : [])].join(", ")
