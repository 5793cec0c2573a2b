/**
 * SHA-256 (FIPS 180-4) of a short text, synchronously: authenticating a request must not wait for a promise, and WebCrypto, the only implementation on
 * every platform, returns one. For the few blocks of a key; whole documents use Effect's `Digest`.
 */
import * as Utf8 from "../Utf8.ts"

/** Lower-case hex. */
export const sha256 = (text: string): string => {
  const message = padded(Utf8.encode(text))
  const state = initial.slice()
  for (let block = 0; block < message.length; block += 16) compress(state, message, block)
  let hex = ""
  for (let i = 0; i < 8; i++) {
    const word = state[i]!
    hex += pairs[word >>> 24]! + pairs[(word >>> 16) & 255]! + pairs[(word >>> 8) & 255]! + pairs[word & 255]!
  }
  return hex
}

const pairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** Big-endian words: the bytes, one bit, zeros up to the next full block of sixteen, and the length in bits. */
const padded = (bytes: Uint8Array): Int32Array => {
  const words = new Int32Array(((bytes.length + 72) >>> 6) << 4)
  for (let i = 0; i < bytes.length; i++) words[i >> 2]! |= bytes[i]! << (24 - (i & 3) * 8)
  words[bytes.length >> 2]! |= 0x80 << (24 - (bytes.length & 3) * 8)
  words[words.length - 2] = Math.floor(bytes.length / 2 ** 29)
  words[words.length - 1] = bytes.length << 3
  return words
}

const schedule = new Int32Array(64)

const compress = (state: Int32Array, message: Int32Array, block: number): void => {
  for (let i = 0; i < 16; i++) schedule[i] = message[block + i]!
  for (let i = 16; i < 64; i++) {
    const [early, late] = [schedule[i - 15]!, schedule[i - 2]!]
    const low = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3)
    const high = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10)
    schedule[i] = (schedule[i - 16]! + low + schedule[i - 7]! + high) | 0
  }
  let [a, b, c, d] = [state[0]!, state[1]!, state[2]!, state[3]!]
  let [e, f, g, h] = [state[4]!, state[5]!, state[6]!, state[7]!]
  for (let i = 0; i < 64; i++) {
    const choice = (e & f) ^ (~e & g)
    const high = ((rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + choice + h + constants[i]! + schedule[i]!) | 0
    const majority = (a & b) ^ (a & c) ^ (b & c)
    const low = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + majority) | 0
    h = g
    g = f
    f = e
    e = (d + high) | 0
    d = c
    c = b
    b = a
    a = (high + low) | 0
  }
  state[0]! += a
  state[1]! += b
  state[2]! += c
  state[3]! += d
  state[4]! += e
  state[5]! += f
  state[6]! += g
  state[7]! += h
}

const rotate = (word: number, by: number): number => (word >>> by) | (word << (32 - by))

const primes = (count: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n)
  return found
}

/** The first 32 bits of the fractional part: what the standard takes its constants from. */
const fraction = (root: number): number => Math.floor((root - Math.floor(root)) * 2 ** 32)

const initial = Int32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)))
const constants = Int32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)))
