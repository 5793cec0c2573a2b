/** Schemas of names and labels. Two of them that differ also look different, as far as characters without a look are concerned. */
import { Schema } from "effect"
import { invisible } from "../VisibleText.ts"

/** A text of visible characters, with no space at either end. The only space within it is the common one. */
export const visibleText = (minCharacters: number, maxCharacters: number, message: string) => {
  // U+2800 is an empty Braille pattern. The other classes of spaces look like the common one, or like nothing.
  const character = `(?:[^${invisible.source.slice(1, -1)}\\p{Zs}\\u2800]| )`
  const pattern = new RegExp(`^(?! )${character}{${minCharacters},${maxCharacters}}(?<! )$`, "u")
  return Schema.String.check(Schema.isPattern(pattern, { message }))
}
