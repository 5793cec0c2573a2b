/**
 * The text of `credentials.json`: `{ "version": 1, "keys": { <id>: { "sha256", "label", "models", "created_at" } } }`. `sha256` is that of the secret
 * in lower-case hexadecimal, `models` the permitted aliases (`["*"]`: all), `created_at` ISO 8601. People may edit it; comments and unknown members
 * survive. A text with any error is refused whole: half a table would admit or lock out callers by chance.
 */
import { DateTime, Effect, Result, Schema } from "effect"
import { type Loaded, make as makeDocument } from "../../ConfigDocument.ts"
import { format, type Problem } from "../../ConfigError.ts"
import { CredentialId, CredentialLabel, CredentialModels, maxCredentials } from "../Credential.ts"
import type { StoredKey, StoredKeys } from "./KeyTable.ts"

const Key = Schema.Struct({
  // The message does not repeat the value: a secret may be there by mistake.
  sha256: Schema.String.check(
    Schema.isPattern(/^[0-9a-f]{64}$/, { message: "must be the SHA-256 of the secret in 64 lower-case hex digits" }),
  ),
  label: CredentialLabel.pipe(Schema.withDecodingDefaultKey(Effect.succeed(""))),
  // No default: a misspelt member must not widen the permission.
  models: CredentialModels,
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
// No default: a file in which `keys` is missing or misspelt must not revoke all keys.
const make = () => makeDocument({ schema: Schema.Struct({ keys: Keys }) })
let made: ReturnType<typeof make> | undefined
/** Compiled at the first read: a host without keys starts sooner. */
const document = () => {
  made ??= make()
  return made
}

/** A text without errors. */
export interface KeyDocument {
  readonly text: string
  readonly keys: StoredKeys
  /** Sentences for people about unknown members. */
  readonly warnings: ReadonlyArray<string>
}

/** `name` is the file in messages. The failure is one line for people, without any value of the text. */
export const readKeys = (name: string, text: string): Result.Result<KeyDocument, string> => {
  const loaded = document().load(text, {})
  if (Result.isFailure(loaded)) return Result.fail(described(name, loaded.failure))
  return Result.succeed({
    text,
    keys: storedKeysOf(loaded.success),
    warnings: loaded.success.warnings.map((warning) => format(name, warning)),
  })
}

const storedKeysOf = ({ config }: Loaded<{ readonly keys: typeof Keys.Type }>): StoredKeys =>
  new Map(
    Object.entries(config.keys).map(([id, { createdAt, label, models, sha256 }]): [string, StoredKey] => [
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

/** The text of a new file. */
export const emptyKeys: KeyDocument = {
  text: '{\n  "version": 1,\n  "keys": {}\n}\n',
  keys: new Map(),
  warnings: [],
}

/** The text with the keys `after` instead of `before`. Everything else stays as it is. */
export const rewriteKeys = (
  text: string,
  before: StoredKeys,
  after: StoredKeys,
): Result.Result<string, ReadonlyArray<Problem>> =>
  document().edit(text, [
    ...[...before.keys()].filter((id) => !after.has(id)).map((id) => ({ path: `/keys/${id}`, remove: true as const })),
    ...[...after].filter(([id]) => !before.has(id)).map(([id, key]) => ({ path: `/keys/${id}`, value: encoded(key) })),
  ])

const encoded = ({ credential: { createdAt, label, models }, sha256 }: StoredKey) => ({
  sha256,
  label,
  models,
  created_at: DateTime.formatIso(DateTime.makeUnsafe(createdAt)),
})
