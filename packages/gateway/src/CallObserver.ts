/** Lets a host observe calls while they run, for example to show them in a status line. */
import { Context } from "effect"

/** A call as a user names it. */
export interface ObservedCall {
  readonly provider: string
  /** The alias. */
  readonly model: string
}

export interface Observer {
  /**
   * Called when a call to a provider starts; returns a function that the gateway calls once when the call has ended. Both run in the path of
   * the request, so they must be fast and must not throw.
   */
  readonly callStarted: (call: ObservedCall) => () => void
}

/**
 * The observer of a gateway's calls. By default nothing observes them.
 *
 * **Gotchas**
 *
 * The gateway reads the reference once, when its layer is built.
 */
export const CallObserver: Context.Reference<Observer> = Context.Reference("@signalbox/gateway/CallObserver", {
  defaultValue: (): Observer => ({ callStarted: () => () => {} }),
})
