import { assert, describe, it } from "@effect/vitest"
import { changeSummary, dotted, reloadFailed } from "@signalbox/core/ChangeSummary"
import { ConfigStoreError, Rejected, SourceUnavailable } from "@signalbox/core/ConfigError"

describe("a change summary", () => {
  it("has a line for each change, sorted by key, with the value before and after", () => {
    const summary = changeSummary([
      { path: "/retention/days", before: 30, after: 7 },
      { path: "/models/fast", before: undefined, after: "small" },
      { path: "/models/big", before: { provider: "a", upstream: "x" }, after: undefined },
      { path: "/providers/a/key", before: "<redacted>", after: "<redacted>" },
    ])
    assert.deepStrictEqual(summary.split("\n"), [
      "Reloaded config (4 changes):",
      '- models.big: {"provider":"a","upstream":"x"} → (unset)',
      "- models.fast: (unset) → small",
      "- providers.a.key: <redacted> → <redacted>",
      "- retention.days: 30 → 7",
    ])
  })

  it("reports that nothing changed", () => {
    assert.strictEqual(changeSummary([]), "Reloaded config (no changes detected).")
  })

  it("has one line for each change, whatever the value", () => {
    const [, line, other] = changeSummary([
      { path: "/a", before: "two\nlines", after: "x".repeat(1000) },
      { path: "/b", before: "", after: "(unset)" },
    ]).split("\n")
    assert.match(line ?? "", /^- a: "two\\nlines" → x{200}…$/)
    assert.strictEqual(other, '- b: "" → "(unset)"')
  })

  it("does not claim to be complete when the store's list is full", () => {
    const changes = Array.from({ length: 256 }, (_, index) => ({ path: `/k${index}`, before: 0, after: 1 }))
    assert.match(changeSummary(changes), /^Reloaded config \(256 or more changes\):\n/)
    assert.match(changeSummary(changes.slice(1)), /^Reloaded config \(255 changes\):\n/)
  })

  it("writes a pointer as a key that can be read back", () => {
    assert.strictEqual(dotted("/models/gpt-4"), "models.gpt-4")
    assert.strictEqual(dotted("/models/gpt-4.1/a~1b~0c"), 'models."gpt-4.1"."a/b~c"')
    assert.strictEqual(dotted(""), "(document)")
  })

  it("names file, line, column and path of each problem", () => {
    const problems = [
      { by: "schema", path: "/a/b", line: 3, column: 5, message: "must be a number" },
      { by: "app/Router", path: "", message: "no such model" },
    ]
    const error = new ConfigStoreError({ reason: new Rejected({ problems, source: "/etc/config.json" }) })
    assert.deepStrictEqual(reloadFailed(error).split("\n"), [
      "Reload failed: /etc/config.json:3:5: must be a number (at /a/b)",
      "/etc/config.json: app/Router: no such model",
    ])
    const reason = new SourceUnavailable({ path: "/etc/config.json", code: "EIO", detail: "i/o error" })
    assert.match(reloadFailed(new ConfigStoreError({ reason })), /^Reload failed: .*EIO/)
  })
})
