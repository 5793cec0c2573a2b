/** For a host that shows what is under way: told of every call that goes to a provider, in the path of the request. */
import { Context } from "effect"

/** A call as people speak of it. */
export interface ObservedCall {
  readonly provider: string
  /** The alias. */
  readonly model: string
}

/** Who is told of calls. */
export interface Observer {
  /** A call begins; what is returned is called when it has ended, once. Both must be quick and must not throw. */
  readonly callStarted: (call: ObservedCall) => () => void
}

/** Nobody, where none is provided. Read when the gateway is built. */
export const CallObserver: Context.Reference<Observer> = Context.Reference("@signalbox/gateway/CallObserver", {
  defaultValue: (): Observer => ({ callStarted: () => () => {} }),
})
