import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import {
  encodeStatus,
  plainStatus,
  readStatus,
  type Status,
  type TmuxOptions,
  tmuxLine,
  tmuxSettings,
  usageAt,
} from "@signalbox/server/StatusLine"
import { parseStatus } from "../src/internal/StatusDocument.ts"

const minute = 60_000
/** A full hour. */
const now = 1_795_237_200_000
const bucket = now / 10_000

/** hexai's example: 252 calls in an hour. */
const status: Status = {
  writtenAt: now,
  windowMinutes: 60,
  bucketMillis: 10_000,
  models: [
    { provider: "anthropic", model: "claude", buckets: [[bucket - 300, 66, 1_000, 1_400]] },
    {
      provider: "openai",
      model: "gpt-4.1",
      buckets: [
        [bucket - 10, 100, 100, 1_000],
        [bucket - 1, 86, 134, 1_000],
      ],
    },
  ],
}
const line = (options: Partial<TmuxOptions> = {}, changes: Partial<Status> = {}) =>
  tmuxLine({ ...status, ...changes }, { now, ...options })

const visible = (line: string) => line.replace(/#\[[^\]]*\]/g, "").replaceAll("##", "#")

describe("tmuxLine", () => {
  it("has the format of hexai", () => {
    assert.strictEqual(
      line(),
      "#[fg=default]Σ@1h #[fg=colour3]↑#[fg=default]1.2k #[fg=colour2]↓#[fg=default]3.4k 4.2rpm | openai:gpt-4.1 3.1rpm 186r",
    )
  })
  it("shows the request in flight instead, if there is one", () => {
    const running = { provider: "openai", model: "gpt-4.1" }
    assert.strictEqual(line({}, { running }), "#[fg=default]LLM:openai:gpt-4.1 #[fg=colour11]⏳#[fg=default]")
  })
  it("is empty without a status, and all zeros without calls", () => {
    assert.strictEqual(tmuxLine(undefined, { now }), "")
    assert.strictEqual(visible(line({}, { models: [] })), "Σ@1h ↑0B ↓0B 0.0rpm")
  })
  it("names the latest model instead of the most called one", () => {
    const models = [...status.models, { provider: "echo", model: "echo", buckets: [[bucket, 1, 5, 5]] as const }]
    assert.match(visible(line({}, { models })), / \| echo:echo 0\.0rpm 1r$/)
  })
  it("shows the window in whole hours, otherwise in minutes", () => {
    const labels = [1, 59, 60, 90, 120, 1440].map((windowMinutes) => visible(line({}, { windowMinutes })).split(" ")[0])
    assert.deepStrictEqual(labels, ["Σ@1m", "Σ@59m", "Σ@1h", "Σ@90m", "Σ@2h", "Σ@24h"])
  })
  it("shows bytes in base 1000 with one decimal and never 1000 of a unit", () => {
    const labels = [0, 999, 1000, 1234, 999_949, 999_950, 1_500_000, 2e9, 3e12, 4e15, 5e18].map((sent) => {
      const models = [{ provider: "p", model: "m", buckets: [[bucket, 1, sent, 0]] as const }]
      return /↑(\S+)/.exec(visible(line({}, { models })))?.[1]
    })
    assert.deepStrictEqual(labels, [
      "0B",
      "999B",
      "1.0k",
      "1.2k",
      "999.9k",
      "1.0M",
      "1.5M",
      "2.0G",
      "3.0T",
      "4.0P",
      "5000.0P",
    ])
  })
  it("omits the model when it is narrow", () => {
    assert.strictEqual(visible(line({ narrow: true })), "Σ@1h ↑1.2k ↓3.4k 4.2rpm")
  })
  it("omits the model first when it is too long, then cuts the rest", () => {
    const whole = visible(line())
    assert.strictEqual(visible(line({ maxLength: whole.length })), whole)
    assert.strictEqual(visible(line({ maxLength: whole.length - 1 })), "Σ@1h ↑1.2k ↓3.4k 4.2rpm")
    assert.strictEqual(visible(line({ maxLength: 10 })), "Σ@1h ↑1.2…")
    assert.strictEqual(visible(line({ maxLength: 0 })), whole)
  })
  it("takes its colours from a theme, which single colours override", () => {
    const head = (options: Partial<TmuxOptions>) => line({ narrow: true, ...options })
    assert.strictEqual(
      head({ theme: "white-on-purple" }),
      "#[fg=white,bg=magenta]#[fg=white]Σ@1h #[fg=white]↑#[fg=white]1.2k #[fg=white]↓#[fg=white]3.4k 4.2rpm#[fg=default,bg=default]",
    )
    assert.match(head({ theme: "black-on-yellow" }), /^#\[fg=black,bg=yellow\]/)
    assert.match(head({ theme: "white-on-blue" }), /^#\[fg=white,bg=blue\]/)
    assert.match(head({ theme: "white-on-blue", fg: "colour5" }), /^#\[fg=colour5,bg=blue\]/)
    assert.match(head({ bg: "#ff8800" }), /^#\[fg=default,bg=#ff8800\].*#\[fg=default,bg=default\]$/)
    assert.strictEqual(head({ fg: "red]#(rm)", bg: "" }), head({}))
  })
  it("shows tmux commands in names literally", () => {
    const models = [
      { provider: "#(rm -rf ~)", model: "a#[fg=red]\u001b[2J\u202eb", buckets: [[bucket, 1, 1, 1]] as const },
    ]
    const drawn = line({}, { models })
    assert.include(drawn, " | ##(rm -rf ~):a##[fg=red]?[2J?b ")
    assert.isFalse(/[\p{Cc}\p{Cf}]/u.test(drawn))
  })
})

describe("an old status", () => {
  it("loses each call when it leaves the window, and is all zeros at the end", () => {
    const at = (millis: number) => visible(tmuxLine(status, { now: now + millis }))
    assert.include(at(0), "4.2rpm")
    // The oldest calls are 50 minutes old, in a bucket that ends ten seconds later.
    assert.include(at(10 * minute + 9_999), "4.2rpm")
    assert.include(at(10 * minute + 10_000), "3.1rpm | openai:gpt-4.1 3.1rpm 186r")
    assert.include(at(59 * minute), "1.4rpm | openai:gpt-4.1 1.4rpm 86r")
    assert.strictEqual(at(61 * minute), "Σ@1h ↑0B ↓0B 0.0rpm")
  })
  it("does not count calls from the future, which a clock change has left", () => {
    assert.strictEqual(usageAt(status, now - 4 * 60 * minute).totals.requests, 0)
  })
})

describe("plainStatus", () => {
  it("has the sums and each model, most calls first", () => {
    assert.strictEqual(
      plainStatus({ ...status, running: { provider: "echo", model: "echo" } }, now),
      [
        "The last 1h:",
        "all models        252 requests, 4.2 a minute, 1.2k sent, 3.4k received",
        "openai:gpt-4.1    186 requests, 3.1 a minute, 234B sent, 2.0k received",
        "anthropic:claude  66 requests, 1.1 a minute, 1.0k sent, 1.4k received",
        "in flight: echo:echo",
      ].join("\n"),
    )
  })
})

describe("the status file", () => {
  let directory = ""
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "signalbox-status-"))
  })
  afterAll(() => rmSync(directory, { recursive: true }))
  const reread = (text: string) => {
    const path = join(directory, "status.json")
    writeFileSync(path, text)
    return readStatus(path)
  }
  const running = { provider: "openai", model: "gpt-4.1" }

  it("reads back what was written", () => {
    assert.deepStrictEqual(reread(encodeStatus(status)), status)
    assert.deepStrictEqual(parseStatus(encodeStatus({ ...status, running })), { ...status, running })
  })
  it("has no request in flight if no host holds the lock beside it", () => {
    assert.deepStrictEqual(reread(encodeStatus({ ...status, running })), status)
  })
  it("is ignored if it is missing, torn, newer, foreign, hostile or too large", () => {
    const text = encodeStatus(status)
    assert.isUndefined(readStatus(join(directory, "missing.json")))
    assert.isUndefined(readStatus(directory))
    for (let end = 0; end < text.length - 1; end += 7) assert.isUndefined(reread(text.slice(0, end)))
    const edited = (...edits: ReadonlyArray<readonly [string, string]>) =>
      reread(edits.reduce((text, [from, to]) => text.replace(from, to), text))
    assert.isUndefined(edited(['"version":1', '"version":2']))
    assert.isUndefined(edited(['"window_minutes":60', '"window_minutes":0']))
    assert.isUndefined(edited(['"window_minutes":60', '"window_minutes":1e300']))
    assert.isUndefined(edited(['"bucket_millis":10000', '"bucket_millis":0']))
    assert.isUndefined(edited(['"gpt-4.1"', "7"]))
    assert.isUndefined(edited([",66,", ",-66,"]))
    assert.isUndefined(edited([",66,", ',"66",']))
    assert.isUndefined(reread("[]"))
    assert.isUndefined(reread("null"))
    assert.isUndefined(reread(text + " ".repeat(2 * 1024 * 1024)))
  })
})

describe("tmuxSettings", () => {
  it("reads hexai's settings under our prefix and ignores invalid values", () => {
    assert.deepStrictEqual(tmuxSettings({}), {
      enabled: true,
      theme: undefined,
      fg: undefined,
      bg: undefined,
      narrow: false,
      maxLength: 0,
    })
    assert.deepStrictEqual(
      tmuxSettings({
        SIGNALBOX_TMUX_STATUS: " On ",
        SIGNALBOX_TMUX_STATUS_THEME: "White-On-Blue",
        SIGNALBOX_TMUX_STATUS_FG: "colour5",
        SIGNALBOX_TMUX_STATUS_BG: "#(rm)",
        SIGNALBOX_TMUX_STATUS_NARROW: "yes",
        SIGNALBOX_TMUX_STATUS_MAXLEN: "40",
      }),
      { enabled: true, theme: "white-on-blue", fg: "colour5", bg: undefined, narrow: true, maxLength: 40 },
    )
    assert.isFalse(tmuxSettings({ SIGNALBOX_TMUX_STATUS: "0" }).enabled)
    assert.isUndefined(tmuxSettings({ SIGNALBOX_TMUX_STATUS_THEME: "toString" }).theme)
    assert.strictEqual(tmuxSettings({ SIGNALBOX_TMUX_STATUS_MAXLEN: "-1" }).maxLength, 0)
  })
})
