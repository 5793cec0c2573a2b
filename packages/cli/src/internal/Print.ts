/**
 * Prints the result of a command: text for people, or with `--json` one JSON document. Waits until all of it is written, even into a slow pipe. A
 * reader that closed the pipe ends the command without an error; a full disk is an error.
 */
import { isatty } from "node:tty"
import { visibleJson } from "@signalbox/core/VisibleText"
import { Effect } from "effect"
import { type Failure, failed } from "./Failure.ts"
import { Json } from "./GlobalFlags.ts"
import { escapeLine } from "./TextFormat.ts"
import { outputFailed } from "./writeLine.ts"

const write = (stream: NodeJS.WriteStream, text: string): Effect.Effect<void, Failure> =>
  Effect.callback((resume) => {
    stream.write(text, (error) => resume(error == null ? Effect.void : writeFailed(error)))
  })

const writeFailed = (error: Error & { readonly code?: string }): Effect.Effect<never, Failure> =>
  error.code === "EPIPE"
    ? Effect.sync(() => process.exit(0))
    : Effect.fail(failed("output", outputFailed(escapeLine(error.code ?? error.message))))

/** Prints lines. Text from outside must have been through `escapeLine` or `escapeLines`. */
export const print = (text: string): Effect.Effect<void, Failure> => write(process.stdout, `${text}\n`)

/** `print` for callbacks of effect/cli that cannot fail. The report finds the `Failure` in the defect. */
export const printOrDie = (text: string): Effect.Effect<void> => Effect.orDie(print(text))

/** Prints the result of a command: `json` with `--json`, else `text`. */
export const printResult = (json: unknown, text: (colors: Colors) => string) =>
  Effect.flatMap(Json, (isJson) => print(isJson ? visibleJson(json, 2) : text(colorsIf(stdoutHasColors()))))

/** Prints a note on standard error. With `--json`, standard error holds problems only, and the note is left out. */
export const printNote = (text: string) =>
  Effect.flatMap(Json, (isJson) => (isJson ? Effect.void : Effect.ignore(write(process.stderr, `${text}\n`))))

export interface Colors {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
}

const colorsIf = (isOn: boolean): Colors => {
  const code = (number: number) => (text: string) => (isOn ? `\u001b[${number}m${text}\u001b[0m` : text)
  return { bold: code(1), dim: code(2), red: code(31), green: code(32), yellow: code(33) }
}

/** On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`. `FORCE_COLOR` turns colors on without a terminal. */
export const stdoutHasColors = (): boolean => {
  const { FORCE_COLOR: force = "" } = process.env
  return mayHaveColors() && (isatty(1) || (force !== "" && force !== "0" && force.toLowerCase() !== "false"))
}

const mayHaveColors = (): boolean => !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb"

/** Standard error may be a terminal when standard output is not. */
export const stderrColors = (): Colors => colorsIf(mayHaveColors() && isatty(2))

/** Shows `task` with a spinner on the terminal while `effect` takes longer than a second. */
export const withSpinner =
  (task: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    if (!isatty(2) || process.env["TERM"] === "dumb") return effect
    const spinning = Effect.gen(function* () {
      for (let turn = 0; ; turn++) {
        process.stderr.write(`\r${frames[turn % frames.length]} ${escapeLine(task)} …`)
        yield* Effect.sleep("120 millis")
      }
    }).pipe(Effect.ensuring(Effect.sync(() => process.stderr.write("\r\u001b[K"))))
    return Effect.raceFirst(effect, Effect.delay(spinning, "1 second"))
  }

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
