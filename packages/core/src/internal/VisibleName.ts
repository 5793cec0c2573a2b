/** Schemas of names and labels, which are shown everywhere: they have no invisible characters, and cannot be secrets. */
import { Schema } from "effect"
import { looksLikeSecret } from "../SecretForms.ts"
import { invisible } from "../VisibleText.ts"

/** A text of visible characters, with no space at either end. The only space within it is the common one. */
export const visibleText = (minCharacters: number, maxCharacters: number, message: string) => {
  // U+2800 is an empty Braille pattern. The other classes of spaces look like the common one, or like nothing.
  const character = `(?:[^${invisible.source.slice(1, -1)}\\p{Zs}\\u2800]| )`
  const pattern = new RegExp(`^(?! )${character}{${minCharacters},${maxCharacters}}(?<! )$`, "u")
  return Schema.String.check(
    Schema.isPattern(pattern, { message }).abort(),
    Schema.makeFilter<string>((text) => !looksLikeSecret(text), {
      message: "has the form of an API key, but is shown to everyone who may read names: put a key into api_key",
    }),
  )
}
