/** A flag with a whole number in a range. effect's `Flag.Int` describes a wrong value in the words of a decoder. */
import { Option } from "effect"
import * as Flag from "effect/cli/Flag"

export const numberFlag = (name: string, from: number, to: number) =>
  Flag.String(name).pipe(
    Flag.filterMap(
      (text) =>
        Option.filter(Option.some(Number(text)), (number) => /^\d+$/.test(text) && number >= from && number <= to),
      () => `a number from ${from} to ${to}`,
    ),
  )
