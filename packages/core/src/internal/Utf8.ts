/**
 * Converts text to UTF-8 bytes and back, and refuses bytes that are not UTF-8. The WHATWG coders exist wherever Effect runs, but TypeScript declares
 * them only in its DOM library, which core does not use. So they are declared here.
 */
import { Option } from "effect"

declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>
}
declare class TextDecoder {
  constructor(label: "utf-8", options: { readonly fatal: boolean })
  decode(bytes: Uint8Array): string
}

const encoder = new TextEncoder()

export const encode = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text)

/** The text without leading byte order marks, which `decode` would drop: what is written has the hash of what is read. */
export const withoutMarks = (text: string): string => text.replace(/^\uFEFF+/, "")

export const encodeUnmarked = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(withoutMarks(text))

/** Drops a leading byte order mark. `none` if the bytes are not UTF-8. */
export const decode = (bytes: Uint8Array): Option.Option<string> => {
  try {
    return Option.some(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch {
    return Option.none()
  }
}
