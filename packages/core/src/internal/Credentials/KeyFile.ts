/**
 * `credentials.json`, as text and as keys. It is `{ "version": 1, "keys": { <id>: { "sha256", "label", "models", "created_at" } } }`: `sha256` of
 * the secret in lower-case hex, `models` the aliases that it may use (`["*"]`: all), `created_at` in ISO 8601. People may edit it; comments and
 * keys that are not known here survive. What is not whole is refused whole: half a table would let people in, or lock them out, by chance.
 */
import { DateTime, Effect, Result, Schema } from "effect"
import { ConfigDocument, type Loaded } from "../../ConfigDocument.ts"
import { format, type Problem } from "../../ConfigError.ts"
import { CredentialId, Label, Models, maxCredentials } from "../Credential.ts"
import type { Kept, Kepts } from "./Table.ts"

const Key = Schema.Struct({
  // The hash is no secret, but what somebody has put there by mistake may be one.
  sha256: Schema.String.check(
    Schema.isPattern(/^[0-9a-f]{64}$/, { message: "must be the SHA-256 of the secret in 64 lower-case hex digits" }),
  ),
  label: Label.pipe(Schema.withDecodingDefaultKey(Effect.succeed(""))),
  // No default: a misspelt key must not widen what it allows.
  models: Models,
  createdAt: Schema.DateTimeUtcFromString,
}).pipe(Schema.encodeKeys({ createdAt: "created_at" }))

const Keys = Schema.Record(Schema.String, Key).check(
  Schema.isPropertyNames(CredentialId),
  Schema.isMaxProperties(maxCredentials),
  Schema.makeFilter((keys) => {
    const hashes = new Set<string>()
    for (const [id, { sha256 }] of Object.entries(keys)) {
      if (hashes.has(sha256)) {
        return { path: [id, "sha256"], issue: "is that of another key too: each key needs a secret of its own" }
      }
      hashes.add(sha256)
    }
    return undefined
  }),
)
// Without a default: a file in which `keys` is missing or misspelt is not one that revokes all keys.
const make = () => ConfigDocument.make({ schema: Schema.Struct({ keys: Keys }) })
let made: ReturnType<typeof make> | undefined
/** Compiled with the first file: a host without keys starts sooner. */
const document = () => {
  made ??= make()
  return made
}

/** A text that was understood. */
export interface KeyText {
  readonly text: string
  readonly kepts: Kepts
  /** Keys that are not known here, for people. */
  readonly warnings: ReadonlyArray<string>
}

/** `name`: what people call the file. The failure is one line for people, without any value of the text. */
export const readKeys = (name: string, text: string): Result.Result<KeyText, string> => {
  const loaded = document().load(text, {})
  if (Result.isFailure(loaded)) return Result.fail(described(name, loaded.failure))
  return Result.succeed({
    text,
    kepts: keptsOf(loaded.success),
    warnings: loaded.success.warnings.map((warning) => format(name, warning)),
  })
}

const keptsOf = ({ config }: Loaded<{ readonly keys: typeof Keys.Type }>): Kepts =>
  new Map(
    Object.entries(config.keys).map(([id, { createdAt, label, models, sha256 }]): [string, Kept] => [
      id,
      { sha256, credential: { id, kind: "key", label, models, createdAt: DateTime.toEpochMillis(createdAt) } },
    ]),
  )

const described = (name: string, problems: ReadonlyArray<Problem>): string => {
  const [first] = problems
  if (first === undefined) return "it is not acceptable"
  const more = problems.length - 1
  return `${format(name, first)}${more === 0 ? "" : ` (and ${more} more)`}`
}

/** The first text of a new place. */
export const emptyKeys: KeyText = {
  text: '{\n  "version": 1,\n  "keys": {}\n}\n',
  kepts: new Map(),
  warnings: [],
}

/** The text with these keys instead; everything else stays as it is. */
export const rewriteKeys = (text: string, before: Kepts, after: Kepts): Result.Result<string, ReadonlyArray<Problem>> =>
  document().edit(text, [
    ...[...before.keys()].filter((id) => !after.has(id)).map((id) => ({ path: `/keys/${id}`, remove: true as const })),
    ...[...after]
      .filter(([id]) => !before.has(id))
      .map(([id, kept]) => ({ path: `/keys/${id}`, value: encoded(kept) })),
  ])

const encoded = ({ credential: { createdAt, label, models }, sha256 }: Kept) => ({
  sha256,
  label,
  models,
  created_at: DateTime.formatIso(DateTime.makeUnsafe(createdAt)),
})
