/** The state of a graph, for people. */
import type { BuildFailed } from "./Builder.ts"
import type { BuiltGeneration } from "./BuiltGeneration.ts"
import { type AnyDeclaration, type Instance, instancesOf, type Plan } from "./Plan.ts"

export interface Status {
  /** The configuration revision that serves; 0 until the first generation serves. */
  readonly revision: number
  /** In the order of declaration; a collection comes after its members. */
  readonly services: ReadonlyArray<{
    readonly name: string
    readonly needs: ReadonlyArray<string>
    readonly state: "starting" | "ready" | "failed"
    /** The generation for which it was built. It serves in all generations since then. */
    readonly generation: number
    readonly buildMillis: number
  }>
  /** Newest first. There are several while old requests run, at most 16. */
  readonly generations: ReadonlyArray<{
    readonly number: number
    readonly revision: number
    readonly pins: number
    readonly ageMillis: number
  }>
  /** Replaced services whose finalizers have not ended, oldest first. After 10 seconds such a service no longer delays others. */
  readonly releasing: ReadonlyArray<{
    readonly name: string
    /** The generation for which it was built. */
    readonly generation: number
    readonly ageMillis: number
  }>
}

export const statusOf = (state: {
  readonly declarations: ReadonlyArray<AnyDeclaration>
  readonly plan: Plan | undefined
  readonly failures: BuildFailed["failures"]
  readonly live: ReadonlySet<BuiltGeneration>
  readonly unfinished: ReadonlyMap<Instance, number>
  readonly now: number
}): Status => {
  const live = [...state.live].reverse()
  const failed = new Set(state.failures.map(({ instance }) => instance))
  return {
    revision: live[0]?.generation.revision ?? 0,
    services:
      state.plan === undefined
        ? state.declarations.map(({ needs, provides }) => ({
            name: provides.key,
            needs: needs.map(({ key }) => key),
            state: "starting",
            generation: 0,
            buildMillis: 0,
          }))
        : Array.from(instancesOf(state.plan), (instance) => ({
            name: instance.name,
            needs: instance.needs.map(({ key }) => key),
            state: failed.has(instance) ? "failed" : stateOf(instance),
            generation: instance.generation,
            buildMillis: instance.buildMillis,
          })),
    generations: live.map(({ generation, pins, since }) => ({
      number: generation.number,
      revision: generation.revision,
      pins,
      ageMillis: Math.max(0, state.now - since),
    })),
    releasing: Array.from(state.unfinished, ([{ generation, name }, since]) => ({
      name,
      generation,
      ageMillis: Math.max(0, state.now - since),
    })),
  }
}

const stateOf = ({ state }: Instance) => (state === "ready" ? "ready" : "starting")
