import { assert, describe, it } from "@effect/vitest"
import { type Status, tmuxLine, usageAt } from "@signalbox/server/StatusLine"
import { Schema } from "effect"

/** A full hour. */
const now = 1_795_237_200_000
const bucket = now / 10_000

const visible = (line: string) => line.replace(/#\[[^\]]*\]/g, "").replaceAll("##", "#")

/** Strings that could confuse tmux or terminals. */
const Letters = Schema.Array(
  Schema.Literals(["#", "[", "(", "]", "fg=red", "a", "é", "\u001b", "\u202e", "😀", "\ud800", "⏳"]),
)
const Names = Schema.Struct({ provider: Letters, model: Letters })
const Counts = Schema.Struct({
  age: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 })),
  requests: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 })),
  sent: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e12 })),
})
const Generated = Schema.Struct({
  models: Schema.Array(
    Schema.Struct({ ...Names.fields, counts: Schema.Array(Counts).check(Schema.isMaxLength(5)) }),
  ).check(Schema.isMaxLength(5)),
  running: Schema.UndefinedOr(Names),
  windowMinutes: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1440 })),
  narrow: Schema.Boolean,
  maxLength: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 120 })),
})

describe("generated statuses", () => {
  const make = ({ models, running, windowMinutes }: typeof Generated.Type): Status => ({
    writtenAt: now,
    windowMinutes,
    bucketMillis: 10_000,
    models: models.map(({ counts, model, provider }) => ({
      provider: provider.join(""),
      model: model.join(""),
      buckets: counts.map(({ age, requests, sent }) => [bucket - age, requests, sent, 0] as const),
    })),
    ...(running === undefined
      ? {}
      : { running: { provider: running.provider.join(""), model: running.model.join("") } }),
  })
  /** Only our styles, and every other `#` is doubled. */
  const harmless = /^(?:#\[fg=[a-z0-9]+(?:,bg=[a-z]+)?\]|##|[^#\p{Cc}\p{Cf}])*$/u

  it.prop("yield one line with our styles only, within the maximum length", [Generated], ([generated]) => {
    const { maxLength, narrow } = generated
    const drawn = tmuxLine(make(generated), { now, maxLength, narrow, theme: "white-on-blue" })
    assert.match(drawn, harmless)
    const seen = [...visible(drawn)]
    assert.isAtMost(seen.length + seen.filter((character) => character === "⏳").length, maxLength)
  })
  it.prop("have the sums of the buckets in the window, in total and for each model", [Generated], ([generated]) => {
    const made = make(generated)
    const found = usageAt(made, now)
    const inside = made.models
      .flatMap(({ buckets }) => buckets)
      .filter(([number]) => number >= bucket - generated.windowMinutes * 6)
    assert.strictEqual(
      found.totals.requests,
      inside.reduce((sum, [, requests]) => sum + requests, 0),
    )
    assert.strictEqual(
      found.models.reduce((sum, { requests }) => sum + requests, 0),
      found.totals.requests,
    )
  })
})
