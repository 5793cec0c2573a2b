/**
 * The names that a replacement uses for moments. Beside a file `config.json` these are:
 *
 * - `.config.json.<random>.new`: a new version that is being written. It is worthless after a crash.
 * - `.config.json.<random>.<hash before>.<hash after>.old`: a whole file. It is one of the two versions, or (by its hash) the text that an editor
 *   saved during the exchange.
 *
 * Only the process that holds the lock of `config.json` may create, inspect or remove these names.
 */

/** Sixteen hexadecimal digits distinguish any two texts that were not made to collide. */
export const shortHashDigits = 16

export const temporaryName = (file: string, random: string): string => `.${file}.${random}.new`

export const displacedName = (temporary: string, before: string, after: string): string =>
  temporary.replace(/\.new$/, `.${before.slice(0, shortHashDigits)}.${after.slice(0, shortHashDigits)}.old`)

/** Whether `name` is a new version of `file` that a writer did not finish. */
export const isTemporary = (file: string, name: string): boolean => isOf(file, name, /^[0-9a-z]{10}\.new$/)

/** The file of which `name` is an unfinished new version, or `undefined`. */
export const fileOfTemporary = (name: string): string | undefined => /^\.(.+)\.[0-9a-z]{10}\.new$/.exec(name)?.[1]

/** Whether `name` holds what a replacement of `file` displaced. */
export const isDisplaced = (file: string, name: string): boolean =>
  isOf(file, name, /^[0-9a-z]{10}\.[0-9a-f]+\.[0-9a-f]+\.old$/)

/** The beginnings of the two hashes in the name of a displaced file. */
export const displacedHashes = (name: string): readonly [before: string, after: string] => {
  const [, before = "", after = ""] = /\.([0-9a-f]+)\.([0-9a-f]+)\.old$/.exec(name) ?? []
  return [before, after]
}

/** Matches the whole rest of the name: the name of another file may begin alike. */
const isOf = (file: string, name: string, form: RegExp): boolean =>
  name.startsWith(`.${file}.`) && form.test(name.slice(file.length + 2))
