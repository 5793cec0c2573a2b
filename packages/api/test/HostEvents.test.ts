import { assert, it } from "@effect/vitest"
import * as HostEvents from "@signalbox/api/HostEvents"
import * as core from "@signalbox/core"

const eventsIn = (module: object): ReadonlyArray<string> =>
  Object.values(module).flatMap((value) =>
    typeof value === "function" && "durable" in value && typeof value.type === "string" ? [value.type] : [],
  )

it("registers every event that core and a host can publish", () => {
  const declared = [
    ...Object.values(core).flatMap((value) => (typeof value === "object" ? eventsIn(value) : [])),
    ...eventsIn(HostEvents),
  ]
  assert.include(declared, "config.changed")
  assert.deepStrictEqual(declared.toSorted(), [...HostEvents.registry.types].toSorted())
})
