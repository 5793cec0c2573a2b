/**
 * Names that a writer needs for moments. Beside the document stand `.<document>.<random>.new` (being written: worthless), and
 * `.<document>.<random>.<hash before>.<hash after>.old` (whole: either of these two documents, or, by its hash, what a foreign editor saved
 * in the last instant). The document is the real one, as with the lock: who holds its lock, and nobody else, has to do with these names.
 */

export const temporaryOf = (document: string, random: string): string => `.${document}.${random}.new`

/** Sixteen digits are enough to tell two texts apart that nobody chose to collide. */
export const SHORT = 16

export const asOld = (temporary: string, before: string, after: string): string =>
  temporary.replace(/\.new$/, `.${before.slice(0, SHORT)}.${after.slice(0, SHORT)}.old`)

export const isTemporary = (document: string, name: string): boolean => isOf(document, name, /^[0-9a-z]{10}\.new$/)

export const isOld = (document: string, name: string): boolean =>
  isOf(document, name, /^[0-9a-z]{10}\.[0-9a-f]+\.[0-9a-f]+\.old$/)

/** `[hash before, hash after]`, both cut. */
export const hashesOf = (old: string): readonly [before: string, after: string] => {
  const [, before = "", after = ""] = /\.([0-9a-f]+)\.([0-9a-f]+)\.old$/.exec(old) ?? []
  return [before, after]
}

/** All that follows the document's name is looked at: that of a neighbour may begin alike. */
const isOf = (document: string, name: string, form: RegExp): boolean =>
  name.startsWith(`.${document}.`) && form.test(name.slice(document.length + 2))
