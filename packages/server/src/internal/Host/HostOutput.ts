/**
 * Everything a host writes while it runs: text for people, or one JSON object per line for programs. Secrets of the settings are redacted, and
 * invisible characters escaped, in every line. Slow readers never block the host (`StandardOutput`).
 */
import { escapeJson, escapeLines } from "@signalbox/core/VisibleText"
import { Cause, Console, Context, Effect, Formatter, Layer, Logger, LogLevel, References } from "effect"
import { Secrets } from "./Secrets.ts"
import { makeBoundedWriter } from "./StandardOutput.ts"

/** `text`: for people, warnings on standard error. `json`: everything on standard output. */
export type LogFormat = "text" | "json"

export interface OutputLine {
  /** For people; may have several lines. */
  readonly text: string
  readonly level?: "Info" | "Warn"
  /** More members of the JSON object, for programs. */
  readonly data?: Readonly<Record<string, unknown>>
}

export class HostOutput extends Context.Service<
  HostOutput,
  {
    readonly format: LogFormat
    readonly write: (line: OutputLine) => Effect.Effect<void>
    /** Whether debug messages and full causes are written. `features.debug` sets it. */
    readonly setDebug: (debug: boolean) => void
  }
>()("@signalbox/server/HostOutput") {
  /** Also replaces effect's loggers, so that log messages take the same path. */
  static readonly layer = (format: LogFormat): Layer.Layer<HostOutput, never, Secrets> =>
    Layer.effectContext(
      Effect.gen(function* () {
        const { redact } = yield* Secrets
        const writer = format === "json" ? jsonWriter(redact) : textWriter(redact)
        let debug = false
        const output = HostOutput.of({
          format,
          write: (line) => Effect.flatMap(Console.Console, (console) => Effect.sync(() => writer.line(console, line))),
          setDebug: (value) => {
            debug = value
          },
        })
        const logger = Logger.make<unknown, void>((options) => {
          if (!debug && LogLevel.isLessThan(options.logLevel, "Info")) return
          writer.log(options.fiber.getRef(Console.Console), {
            date: options.date,
            level: options.logLevel,
            text: textOf(options.message, options.cause, debug),
            annotations: options.fiber.getRef(References.CurrentLogAnnotations),
          })
        })
        return Context.make(HostOutput, output).pipe(
          Context.add(Logger.CurrentLoggers, new Set([logger])),
          // The logger filters, because switching debug must reach fibers that already run.
          Context.add(References.MinimumLogLevel, "Debug"),
        )
      }),
    )
}

interface LogRecord {
  readonly date: Date
  readonly level: LogLevel.LogLevel
  readonly text: string
  readonly annotations: Readonly<Record<string, unknown>>
}

interface Writer {
  readonly line: (console: Console.Console, line: OutputLine) => void
  readonly log: (console: Console.Console, record: LogRecord) => void
}

const jsonWriter = (redact: (text: string) => string): Writer => {
  // Redacts each string before encoding: a secret of one letter must not break the JSON.
  const encode = (value: unknown) =>
    escapeJson(JSON.stringify(value, (_, part) => (typeof part === "string" ? redact(part) : part)))
  const encodeLine = ({ data, level = "Info", text }: OutputLine) =>
    encode({ timestamp: new Date().toISOString(), level: level.toUpperCase(), message: text, ...data })
  const stdout = makeBoundedWriter(
    () => process.stdout,
    (skipped) => encodeLine({ text: skippedNotice(skipped), level: "Warn", data: { missing: skipped } }),
  )
  return {
    line: (console, line) => stdout(encodeLine(line), console.log),
    log: (console, { annotations, date, level, text }) => {
      const entries = Object.entries(annotations).map(([key, value]) => [key, format(value)])
      const line = encode({
        timestamp: date.toISOString(),
        level: level.toUpperCase(),
        message: text,
        annotations: entries.length === 0 ? undefined : Object.fromEntries(entries),
      })
      stdout(line, console.log)
    },
  }
}

const textWriter = (redact: (text: string) => string): Writer => {
  const highlight = (text: string) =>
    process.stderr.isTTY && !process.env["NO_COLOR"] ? `\u001b[33m${text}\u001b[0m` : text
  const plain = (text: string) => escapeLines(redact(text))
  // The lines after the first are indented, so that a message with a line break cannot look like two.
  const indented = (text: string) => plain(text).replaceAll("\n", "\n  ")
  const stdout = makeBoundedWriter(() => process.stdout, skippedNotice)
  const stderr = makeBoundedWriter(
    () => process.stderr,
    (skipped) => highlight(`! ${skippedNotice(skipped)}`),
  )
  return {
    line: (console, { level, text }) =>
      level === "Warn" ? stderr(highlight(`! ${plain(text)}`), console.error) : stdout(plain(text), console.log),
    log: (console, { level, text }) => {
      const line = `${level.toLowerCase().replace("warn", "warning")}: ${indented(text)}`
      stderr(LogLevel.isLessThan(level, "Warn") ? line : highlight(line), console.error)
    },
  }
}

const skippedNotice = (skipped: number): string =>
  `… ${skipped === 1 ? "1 line was" : `${skipped} lines were`} skipped here: the reader was too slow`

const textOf = (message: unknown, cause: Cause.Cause<unknown>, debug: boolean): string =>
  [...(Array.isArray(message) ? message : [message]).map(format), ...(debug ? traces(cause) : reasons(cause))].join(" ")

const format = (value: unknown): string =>
  typeof value === "string" ? value : value instanceof Error ? value.message : Formatter.format(value)

const reasons = (cause: Cause.Cause<unknown>): ReadonlyArray<string> =>
  Cause.prettyErrors(cause).map(({ message, name }) => (name === "Error" ? message : `${name}: ${message}`))

const traces = (cause: Cause.Cause<unknown>): ReadonlyArray<string> =>
  cause.reasons.length === 0 ? [] : [Cause.pretty(cause)]
