/**
 * What a command says, and where: answers on standard output, all else on standard error. Waiting for each write keeps an answer whole
 * whatever stands behind the pipe; a reader that went away ends the command quietly, a full disk does not.
 */
import { Effect } from "effect"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { type Failure, failed } from "./Failure.ts"
import { Json } from "./GlobalFlags.ts"
import { line } from "./TextFormat.ts"
import { unwritten } from "./writeLine.ts"

const write = (stream: NodeJS.WriteStream, text: string): Effect.Effect<void, Failure> =>
  Effect.callback((resume) => {
    stream.write(text, (error) => resume(error == null ? Effect.void : notWritten(error)))
  })

/** Nobody reads any more: there is nobody to tell anything, and nothing went wrong here. */
const notWritten = (error: Error & { readonly code?: string }): Effect.Effect<never, Failure> =>
  error.code === "EPIPE"
    ? Effect.sync(() => process.exit(0))
    : Effect.fail(failed("output", unwritten(line(error.code ?? error.message))))

/** Lines of an answer. Whatever of it comes from outside has been through `Shown`. */
export const print = (text: string): Effect.Effect<void, Failure> => write(process.stdout, `${text}\n`)

/** As `print`, for what effect/cli asks of us and gives no way to fail; `failureOf` knows it again. */
export const printOrDie = (text: string): Effect.Effect<void> => Effect.orDie(print(text))

/** One answer: as JSON where that is wished, else as text. */
export const answer = (json: unknown, text: (paint: Paint) => string) =>
  Effect.flatMap(Json, (isJson) =>
    isJson ? print(JSON.stringify(json, undefined, 2)) : Effect.flatMap(paint, (paint) => print(text(paint))),
  )

/** A remark beside the answer, on standard error; with `--json` standard error holds problems alone. */
export const remark = (text: string) =>
  Effect.flatMap(Json, (isJson) => (isJson ? Effect.void : Effect.ignore(write(process.stderr, `${text}\n`))))

export interface Paint {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
}

const paintOf = (colours: boolean): Paint => {
  const code = (number: number) => (text: string) => (colours ? `\u001b[${number}m${text}\u001b[0m` : text)
  return { bold: code(1), dim: code(2), red: code(31), green: code(32), yellow: code(33) }
}

/** Colours on a terminal, unless NO_COLOR says no; FORCE_COLOR says yes. */
export const paint: Effect.Effect<Paint> = Effect.map(TerminalCapabilities, ({ canColor }) => paintOf(canColor))

/** The same for standard error, which may be a terminal when standard output is none. */
export const paintErrors = (): Paint =>
  paintOf(process.stderr.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb")

/** Says on a terminal what takes longer than a second, and takes it back at the end. */
export const whileWaiting =
  (what: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    if (process.stderr.isTTY !== true || process.env["TERM"] === "dumb") return effect
    const turning = Effect.gen(function* () {
      for (let turn = 0; ; turn++) {
        process.stderr.write(`\r${frames[turn % frames.length]} ${line(what)} …`)
        yield* Effect.sleep("120 millis")
      }
    }).pipe(Effect.ensuring(Effect.sync(() => process.stderr.write("\r\u001b[K"))))
    return Effect.raceFirst(effect, Effect.delay(turning, "1 second"))
  }

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
