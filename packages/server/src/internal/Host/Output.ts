/**
 * What a host writes while it runs: on a terminal for people, or one JSON object a line for programs. Every line passes here, and no secret of
 * the settings does. Nothing here waits for who reads (`StandardOutput`).
 */
import { Cause, Console, Context, Effect, Formatter, Layer, Logger, LogLevel, References } from "effect"
import { Secrets } from "./Secrets.ts"
import { makeOutlet } from "./StandardOutput.ts"

/** `text`: people read standard output, warnings come on standard error. `json`: everything on standard output. */
export type LogFormat = "text" | "json"

export interface Line {
  /** What people read; several lines are fine. */
  readonly text: string
  readonly level?: "Info" | "Warn"
  /** What programs read beside it. */
  readonly data?: Readonly<Record<string, unknown>>
}

export class Output extends Context.Service<
  Output,
  {
    readonly format: LogFormat
    readonly say: (line: Line) => Effect.Effect<void>
    /** Whether what is meant for who looks for a fault is written, too; `features.debug` sets it. */
    readonly setDebug: (debug: boolean) => void
  }
>()("@signalbox/server/Output") {
  /** Effect's logs go the same way. */
  static readonly layerFor = (format: LogFormat): Layer.Layer<Output, never, Secrets> =>
    Layer.effectContext(
      Effect.gen(function* () {
        const { conceal } = yield* Secrets
        const voice = format === "json" ? forPrograms(conceal) : forPeople(conceal)
        let debug = false
        const output = Output.of({
          format,
          say: (line) => Effect.flatMap(Console.Console, (console) => Effect.sync(() => voice.say(console, line))),
          setDebug: (wanted) => {
            debug = wanted
          },
        })
        const logger = Logger.make<unknown, void>((options) => {
          if (!debug && LogLevel.isLessThan(options.logLevel, "Info")) return
          voice.log(options.fiber.getRef(Console.Console), {
            date: options.date,
            level: options.logLevel,
            text: textOf(options.message, options.cause, debug),
            annotations: options.fiber.getRef(References.CurrentLogAnnotations),
          })
        })
        return Context.make(Output, output).pipe(
          Context.add(Logger.CurrentLoggers, new Set([logger])),
          // The logger decides: a switch must reach fibers that run already.
          Context.add(References.MinimumLogLevel, "Debug"),
        )
      }),
    )
}

interface Logged {
  readonly date: Date
  readonly level: LogLevel.LogLevel
  readonly text: string
  readonly annotations: Readonly<Record<string, unknown>>
}

interface Voice {
  readonly say: (console: Console.Console, line: Line) => void
  readonly log: (console: Console.Console, logged: Logged) => void
}

const forPrograms = (conceal: (text: string) => string): Voice => {
  // Each text by itself: a secret of one letter must not tear the JSON.
  const encode = (value: unknown) =>
    JSON.stringify(value, (_, part) => (typeof part === "string" ? conceal(part) : part))
  const told = ({ data, level = "Info", text }: Line) =>
    encode({ timestamp: new Date().toISOString(), level: level.toUpperCase(), message: text, ...data })
  const out = makeOutlet(
    () => process.stdout,
    (missing) => told({ text: unread(missing), level: "Warn", data: { missing } }),
  )
  return {
    say: (console, line) => out(told(line), console.log),
    log: (console, { annotations, date, level, text }) => {
      const entries = Object.entries(annotations).map(([key, value]) => [key, shown(value)])
      const line = encode({
        timestamp: date.toISOString(),
        level: level.toUpperCase(),
        message: text,
        annotations: entries.length === 0 ? undefined : Object.fromEntries(entries),
      })
      out(line, console.log)
    },
  }
}

const forPeople = (conceal: (text: string) => string): Voice => {
  const loud = (text: string) =>
    process.stderr.isTTY && !process.env["NO_COLOR"] ? `\u001b[33m${text}\u001b[0m` : text
  const plain = (text: string) => conceal(text).replaceAll(controls, "\ufffd")
  const out = makeOutlet(() => process.stdout, unread)
  const err = makeOutlet(
    () => process.stderr,
    (missing) => loud(`! ${unread(missing)}`),
  )
  return {
    say: (console, { level, text }) =>
      level === "Warn" ? err(loud(`! ${plain(text)}`), console.error) : out(plain(text), console.log),
    log: (console, { level, text }) => {
      const said = `${level.toLowerCase().replace("warn", "warning")}: ${plain(text)}`
      err(LogLevel.isLessThan(level, "Warn") ? said : loud(said), console.error)
    },
  }
}

const unread = (missing: number): string =>
  `… ${missing === 1 ? "1 line is" : `${missing} lines are`} missing here: nobody read fast enough`

/** A terminal would obey them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controls = /[\0-\x08\x0b-\x1f\x7f-\x9f]/g

const textOf = (message: unknown, cause: Cause.Cause<unknown>, debug: boolean): string =>
  [...(Array.isArray(message) ? message : [message]).map(shown), ...(debug ? traces(cause) : reasons(cause))].join(" ")

const shown = (value: unknown): string =>
  typeof value === "string" ? value : value instanceof Error ? value.message : Formatter.format(value)

const reasons = (cause: Cause.Cause<unknown>): ReadonlyArray<string> =>
  Cause.prettyErrors(cause).map(({ message, name }) => (name === "Error" ? message : `${name}: ${message}`))

const traces = (cause: Cause.Cause<unknown>): ReadonlyArray<string> =>
  cause.reasons.length === 0 ? [] : [Cause.pretty(cause)]
