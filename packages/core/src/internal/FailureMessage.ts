/** Why a layer failed, in one bounded line without any secret of these settings (`Concealment` defines what a secret is). It may leave the process. */
import { Cause } from "effect"
import { concealer, secretsIn } from "../Concealment.ts"

export const maxMessage = 500
const maxErrors = 5

export const failureMessage = (cause: Cause.Cause<unknown>, settings: Iterable<unknown>): string => {
  const errors = Cause.prettyErrors(cause)
  const lines = errors
    .slice(0, maxErrors)
    .map(({ message, name }) => (generic.has(name) ? message : `${name}: ${message}`))
  const more = errors.length > maxErrors ? ` (and ${errors.length - maxErrors} more)` : ""
  const text =
    concealer(secretsIn(settings))([...new Set(lines)].join("; "))
      .replaceAll(/\s+/g, " ")
      .trim() || "no reason given"
  return (text.length > maxMessage ? `${text.slice(0, maxMessage - 1)}…` : text) + more
}

const generic = new Set(["Error", "", "undefined"])
