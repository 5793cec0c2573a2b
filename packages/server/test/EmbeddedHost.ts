/** Hosts within the process of the tests: they start faster than processes, and their output goes to the same kind of queue. */
import { Host, Listening } from "@signalbox/server"
import { type Cause, ConfigProvider, Console, Context, Effect, Layer, Queue, type Scope } from "effect"
import type { ProcessOutput } from "./processes/HostProcess.ts"

/** Everything a host provides. */
export type HostContext = Layer.Success<ReturnType<typeof Host.layer>>

export interface EmbeddedHost {
  readonly url: string
  readonly context: Context.Context<HostContext>
  readonly out: ProcessOutput
  readonly err: ProcessOutput
}

export interface EmbeddedOptions extends Host.Options {
  /** The environment of the host. Default: empty. */
  readonly env?: Readonly<Record<string, string>>
  /** Leaves the port to document and environment. Default: a free port. */
  readonly usesConfiguredPort?: boolean
}

/** Starts a host that stops when the Scope closes. */
export const embeddedHost = Effect.fnUntraced(function* ({
  env = {},
  usesConfiguredPort = false,
  ...options
}: EmbeddedOptions): Effect.fn.Return<EmbeddedHost, Host.HostError, Scope.Scope> {
  const [out, err] = [recorder(), recorder()]
  const layer = Layer.fresh(Host.layer(usesConfiguredPort ? options : { port: 0, ...options }))
  const context = yield* Layer.build(layer).pipe(
    Effect.provideService(Console.Console, { ...globalThis.console, log: out.write, error: err.write }),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
  )
  return { url: Context.get(context, Listening).url, context, out, err }
})

const recorder = () => {
  const lines = Effect.runSync(Queue.unbounded<string, Cause.Done>())
  const printed: Array<string> = []
  const write = (text: string) => {
    for (const line of text.split("\n")) {
      printed.push(line)
      Queue.offerUnsafe(lines, line)
    }
  }
  return { lines, printed, write }
}
