/** `keys`: those of the gateway's callers, by a host or in the file; a running host sees at once what changed there. */

import { everyKey } from "@signalbox/core/ModelSettings"
import { Effect, Option } from "effect"
import { failed } from "../Failure.ts"
import { Json } from "../GlobalFlags.ts"
import { answer, print, remark } from "../Print.ts"
import { line, moment, table } from "../TextFormat.ts"
import { changesIn } from "./keys/KeyStore.ts"

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
  const keys = yield* changesIn
  const made = yield* keys.add({
    id,
    ...(Option.isSome(label) ? { label: label.value } : {}),
    ...(Option.isSome(aliases) ? { models: aliases.value } : {}),
  })
  // The secret alone, so that it can go through a pipe to where it belongs.
  yield* ((yield* Json) ? answer(made, () => "") : print(made.secret)).pipe(
    Effect.mapError(({ message }) =>
      failed(
        "output",
        `${message}: key ${line(id)} is in force, and nobody knows its secret`,
        `\`signalbox keys revoke ${line(id)}\`, then add it again`,
      ),
    ),
  )
  yield* remark(`key ${line(made.credential.id)} is in force; its secret is shown only now`)
})

export const list = Effect.gen(function* () {
  const keys = yield* changesIn
  const credentials = yield* keys.list
  yield* answer({ credentials }, (paint) =>
    credentials.length === 0
      ? "no keys: `signalbox keys add NAME` makes one"
      : table(
          columns,
          credentials.map(({ createdAt, id, label, models }) => [
            id,
            label,
            models.includes(everyKey) ? "every" : models.join(","),
            moment(createdAt),
          ]),
          paint.bold,
        ),
  )
})

const columns = ["KEY", "LABEL", "MODELS", "SINCE"].map((title) => ({ title }))

export const revoke = Effect.fnUntraced(function* ({ id }: { readonly id: string }) {
  const keys = yield* changesIn
  yield* keys.revoke(id)
  yield* answer({ revoked: id }, () => `key ${line(id)} is refused from now on`)
})
