/** `keys`: the keys of the gateway's callers, by the host or in the file. A running host notices changes of the file at once. */
import { everyKey } from "@signalbox/core/ModelSettings"
import { Effect, Option } from "effect"
import { failed } from "../Failure.ts"
import { Json } from "../GlobalFlags.ts"
import { print, printNote, printResult } from "../Print.ts"
import { escapeLine, formatTime, table } from "../TextFormat.ts"
import { keyStore } from "./keys/KeyStore.ts"

interface Add {
  readonly id: string
  readonly label: Option.Option<string>
  readonly models: Option.Option<string>
}

export const add = Effect.fnUntraced(function* ({ id, label, models }: Add) {
  const aliases = Option.map(models, (text) =>
    text
      .split(",")
      .map((alias) => alias.trim())
      .filter((alias) => alias !== ""),
  )
  const keys = yield* keyStore
  const created = yield* keys.add({
    id,
    ...(Option.isSome(label) ? { label: label.value } : {}),
    ...(Option.isSome(aliases) ? { models: aliases.value } : {}),
  })
  // Only the secret, so that it can be piped.
  yield* ((yield* Json) ? printResult(created, () => "") : print(created.secret)).pipe(
    Effect.mapError(({ message }) =>
      failed(
        "output",
        `${message}: key ${escapeLine(id)} is in force, but its secret was not printed`,
        `remove it with \`signalbox keys revoke ${escapeLine(id)}\`, then add it again`,
      ),
    ),
  )
  yield* printNote(`key ${escapeLine(created.credential.id)} is in force; its secret is shown only once`)
})

export const list = Effect.gen(function* () {
  const keys = yield* keyStore
  const credentials = yield* keys.list
  yield* printResult({ credentials }, (colors) =>
    credentials.length === 0
      ? "no keys: `signalbox keys add NAME` creates one"
      : table(
          columns,
          credentials.map(({ createdAt, id, label, models }) => [
            id,
            label,
            models.includes(everyKey) ? "all" : models.join(","),
            formatTime(createdAt),
          ]),
          colors.bold,
        ),
  )
})

const columns = ["KEY", "LABEL", "MODELS", "SINCE"].map((title) => ({ title }))

export const revoke = Effect.fnUntraced(function* ({ id }: { readonly id: string }) {
  const keys = yield* keyStore
  yield* keys.revoke(id)
  yield* printResult({ revoked: id }, () => `key ${escapeLine(id)} is revoked`)
})
