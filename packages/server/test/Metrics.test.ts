import { assert, describe } from "@effect/vitest"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import { StatsRecorded } from "@signalbox/core/StatsEvents"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect, Redacted } from "effect"
import { call, record, Services, samples, secret, started, telemetry, test, token, turns } from "./MetricsFixture.ts"

describe("/metrics", () => {
  test(
    "exists only while telemetry is on, and follows the switch at once",
    Effect.gen(function* () {
      const scrape = yield* started
      for (const on of [false, true, false]) {
        yield* telemetry(on)
        const response = yield* scrape()
        assert.strictEqual(response.status, on ? 200 : 404)
        if (on) assert.strictEqual(response.type, "text/plain; version=0.0.4; charset=utf-8")
        else assert.include(JSON.parse(response.text).detail, "features.telemetry")
      }
    }),
  )
  test(
    "requires the token of the host",
    Effect.gen(function* () {
      yield* telemetry(true)
      const scrape = yield* started
      const wrong = [
        {},
        { authorization: "Bearer wrong" },
        { authorization: token },
        { authorization: `Basic ${token}` },
      ]
      for (const headers of [...wrong, { authorization: `Bearer ${token} ${token}` }]) {
        const response = yield* scrape(headers as Record<string, string>)
        assert.strictEqual(response.status, 401)
        assert.strictEqual(JSON.parse(response.text).type, "urn:signalbox:problem:unauthorized")
        assert.notInclude(response.text, token)
      }
      assert.strictEqual((yield* scrape({ authorization: `bearer ${token}` })).status, 200)
    }),
  )
  test(
    "counts calls, errors, tokens, bytes, costs and durations",
    Effect.gen(function* () {
      yield* telemetry(true)
      const scrape = yield* started
      yield* record(call)
      yield* record({ ...call, key: "key_2", latencyMillis: 90_000 })
      yield* record({ provider: "openai", model: "slow", status: 529 })
      const found = samples((yield* scrape()).text)
      const fast = 'provider="openai",model="fast"'
      const expected: Readonly<Record<string, number>> = {
        [`signalbox_calls_total{${fast}}`]: 2,
        'signalbox_calls_total{provider="openai",model="slow"}': 1,
        'signalbox_call_errors_total{provider="openai",kind="http_529"}': 1,
        [`signalbox_tokens_total{${fast},kind="input"}`]: 20,
        [`signalbox_tokens_total{${fast},kind="output"}`]: 10,
        [`signalbox_call_bytes_total{${fast},direction="sent"}`]: 200,
        [`signalbox_call_bytes_total{${fast},direction="received"}`]: 400,
        [`signalbox_cost_dollars_total{${fast}}`]: 0.5,
        'signalbox_call_duration_seconds_bucket{provider="openai",le="0.5"}': 0,
        'signalbox_call_duration_seconds_bucket{provider="openai",le="1"}': 1,
        'signalbox_call_duration_seconds_bucket{provider="openai",le="120"}': 2,
        'signalbox_call_duration_seconds_bucket{provider="openai",le="+Inf"}': 2,
        'signalbox_call_duration_seconds_count{provider="openai"}': 2,
        'signalbox_call_duration_seconds_sum{provider="openai"}': 90.7,
        'signalbox_first_token_seconds_count{provider="openai"}': 2,
      }
      for (const [series, value] of Object.entries(expected)) assert.strictEqual(found.get(series), value, series)
    }),
  )
  test(
    "never decreases a counter, and counts nothing while telemetry is off",
    Effect.gen(function* () {
      yield* telemetry(true)
      const scrape = yield* started
      yield* record(call)
      const before = samples((yield* scrape()).text)
      yield* telemetry(false)
      const { subscribers } = yield* EventBus
      assert.deepStrictEqual(yield* subscribers, [])
      yield* record(call)
      yield* telemetry(true)
      yield* record(call)
      const after = samples((yield* scrape()).text)
      for (const [series, value] of before) {
        if (/_total|_bucket|_count|_sum/.test(series)) assert.isAtLeast(after.get(series)!, value, series)
      }
      assert.strictEqual(after.get('signalbox_calls_total{provider="openai",model="fast"}'), 2)
    }),
  )
  test(
    "reports the state of the host",
    Effect.gen(function* () {
      yield* telemetry(true)
      const scrape = yield* started
      yield* Credentials.use(({ add }) => add({ id: "one" }))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Services.pin
          const found = samples((yield* scrape()).text)
          const { revision } = yield* HostConfig.use((store) => store.snapshot)
          const expected: Readonly<Record<string, number>> = {
            signalbox_config_revision: revision,
            signalbox_generations: 1,
            signalbox_pins: 1,
            'signalbox_services{state="ready"}': 1,
            'signalbox_services{state="failed"}': 0,
            signalbox_changes_queued: 0,
            signalbox_event_subscribers: 1,
            signalbox_event_lag_events: 0,
            signalbox_event_streams: 0,
            signalbox_requests_in_flight: 0,
            signalbox_providers_down: 0,
            signalbox_keys: 1,
            'signalbox_build_info{version="0.1.0"}': 1,
          }
          for (const [series, value] of Object.entries(expected)) assert.strictEqual(found.get(series), value, series)
          assert.isAbove(found.get("process_resident_memory_bytes")!, 1e6)
          assert.isAbove(found.get("process_cpu_seconds_total")!, 0)
        }),
      )
      assert.strictEqual(samples((yield* scrape()).text).get("signalbox_pins"), 0)
    }),
  )
  test(
    "bounds the number of series for any names and still counts every call",
    Effect.gen(function* () {
      yield* telemetry(true)
      const scrape = yield* started
      yield* record({ ...call, provider: 'a"b\\c\nd', model: "\ud800".repeat(300) })
      for (let i = 0; i < 1_000; i++) {
        yield* record({ ...call, provider: `provider-${i}`, model: `model-${i}`, error: `error-${i}` })
      }
      const found = samples((yield* scrape()).text)
      assert.isBelow(found.size, 3_500)
      assert.isTrue(found.has('signalbox_calls_total{provider="(other)",model="(other)"}'))
      const sum = [...found].reduce((sum, [series, n]) => sum + (series.startsWith("signalbox_calls_total") ? n : 0), 0)
      assert.strictEqual(sum, 1_001)
    }),
  )
  test(
    "contains names of providers and models but no secret",
    Effect.gen(function* () {
      yield* HostConfig.use((store) =>
        store.update([{ path: "/providers/openai", value: { kind: "openai", api_key: secret } }]),
      )
      yield* telemetry(true)
      const scrape = yield* started
      const { secret: key } = yield* Credentials.use(({ add }) => add({ id: "one" }))
      yield* record({ ...call, key: "one" })
      const { text } = yield* scrape()
      for (const hidden of [secret, token, Redacted.value(key), '"one"']) assert.notInclude(text, hidden)
    }),
  )
  test(
    "counts the calls that it missed",
    Effect.gen(function* () {
      yield* telemetry(true)
      const scrape = yield* started
      const bus = yield* EventBus
      const entry = {
        time: 0,
        provider: "p",
        model: "m",
        upstream: "",
        key: "",
        project: "",
        bytesSent: 0,
        bytesReceived: 0,
        inputTokens: 0,
        outputTokens: 0,
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        reasoningTokens: 0,
      }
      yield* bus.publishAll(Array.from({ length: 3_000 }, () => new StatsRecorded({ entry })))
      yield* turns
      const found = samples((yield* scrape()).text)
      const [counted, missed] = [
        found.get('signalbox_calls_total{provider="p",model="m"}') ?? 0,
        found.get("signalbox_calls_uncounted_total") ?? 0,
      ]
      assert.isAbove(missed, 0)
      assert.strictEqual(counted + missed, 3_000)
    }),
  )
})
