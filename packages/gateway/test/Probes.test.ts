import { assert, it } from "@effect/vitest"
import type { Outage } from "@signalbox/core/Providers"
import { Probes } from "../src/internal/Gateway/Probes.ts"

const noon = Date.UTC(2026, 0, 1, 12)
const hour = 3_600_000
const outage: Outage = { provider: "main", reason: "refused", since: noon }

it("lets one probe at a time through, with doubled waits after failures", () => {
  const probes = new Probes()
  assert.isFalse(probes.begin(outage, noon + 999))
  assert.strictEqual(probes.retryAfterSeconds(outage, noon), 1)
  assert.isTrue(probes.begin(outage, noon + 1_000))
  assert.isFalse(probes.begin(outage, noon + 1_001))
  probes.end(outage, false, noon + 1_500)
  assert.isFalse(probes.begin(outage, noon + 3_499))
  assert.strictEqual(probes.retryAfterSeconds(outage, noon + 1_500), 2)
  assert.isTrue(probes.begin(outage, noon + 3_500))
})

it("allows a probe after the clock was set back", () => {
  const probes = new Probes()
  assert.strictEqual(probes.retryAfterSeconds(outage, noon - hour), 1)
  assert.isTrue(probes.begin(outage, noon - hour))
  // That probe never ends, and the clock goes back again.
  assert.isFalse(probes.begin(outage, noon - hour + 1))
  assert.isTrue(probes.begin(outage, noon - 2 * hour))
  probes.end(outage, false, noon - 2 * hour)
  assert.isFalse(probes.begin(outage, noon - 2 * hour + 1))
  assert.isTrue(probes.begin(outage, noon - 2 * hour + 30_000))
})
