/**
 * The two newest texts of a file, each with its bytes and its hash. One change of a document reads and writes the same two texts several times. To
 * compare bytes costs a fraction of decoding and hashing them, and unlike a comparison of modification times it misses no edit.
 */
import { Effect, Option } from "effect"
import * as Utf8 from "./Utf8.ts"

/** A text without byte order marks. */
export interface HashedText {
  readonly text: string
  readonly bytes: Uint8Array
  /** Of the bytes. */
  readonly hash: string
}

export interface RecentTexts {
  readonly ofText: (text: string) => Effect.Effect<HashedText>
  /** `none` if the bytes are not UTF-8. The caller must not use the bytes afterwards. */
  readonly ofBytes: (bytes: Uint8Array) => Effect.Effect<Option.Option<HashedText>>
  /** The bytes of a text, which is not remembered. */
  readonly bytesOf: (text: string) => Uint8Array
  /** A buffer of at least this length for `ofBytes`. */
  readonly buffer: (length: number) => Uint8Array
}

const maxTexts = 2

export const makeRecentTexts = (hashBytes: (bytes: Uint8Array) => Effect.Effect<string>): RecentTexts => {
  let recent: ReadonlyArray<HashedText> = []
  // Allocating megabytes for each read would make garbage collections more frequent.
  let spare: Uint8Array | undefined

  const remember = (text: string, bytes: Uint8Array): Effect.Effect<HashedText> =>
    Effect.map(hashBytes(bytes), (hash) => {
      const hashed = { text, bytes, hash }
      // The bytes of half a surrogate pair are those of another text.
      if (text.isWellFormed()) recent = [hashed, ...recent].slice(0, maxTexts)
      return hashed
    })
  const find = (text: string) => recent.find((known) => known.text === text)

  const ofText: RecentTexts["ofText"] = (marked) =>
    Effect.suspend(() => {
      const text = Utf8.withoutMarks(marked)
      const known = find(text)
      return known === undefined ? remember(text, Utf8.encode(text)) : Effect.succeed(known)
    })

  return {
    ofText,
    ofBytes: (bytes) =>
      Effect.suspend(() => {
        const known = recent.find((other) => sameBytes(other.bytes, bytes))
        if (known !== undefined) {
          spare = new Uint8Array(bytes.buffer, bytes.byteOffset)
          return Effect.succeedSome(known)
        }
        const text = Utf8.decode(bytes)
        if (Option.isNone(text)) return Effect.succeedNone
        return Effect.asSome(bytes[0] === 0xef ? ofText(text.value) : remember(text.value, bytes))
      }),
    bytesOf: (marked) => {
      const text = Utf8.withoutMarks(marked)
      return find(text)?.bytes ?? Utf8.encode(text)
    },
    buffer: (length) => {
      const taken = spare
      spare = undefined
      return taken !== undefined && taken.length >= length ? taken : new Uint8Array(length)
    },
  }
}

/** Compares four bytes at a time where the alignment allows it. */
const sameBytes = (left: Uint8Array, right: Uint8Array): boolean => {
  if (left.length !== right.length) return false
  const isAligned = left.byteOffset % 4 === 0 && right.byteOffset % 4 === 0
  const words = isAligned ? Math.floor(left.length / 4) : 0
  if (words > 0) {
    const [leftWords, rightWords] = [wordsOf(left, words), wordsOf(right, words)]
    for (let index = 0; index < words; index++) if (leftWords[index] !== rightWords[index]) return false
  }
  for (let index = words * 4; index < left.length; index++) if (left[index] !== right[index]) return false
  return true
}

const wordsOf = ({ buffer, byteOffset }: Uint8Array, length: number) => new Int32Array(buffer, byteOffset, length)
