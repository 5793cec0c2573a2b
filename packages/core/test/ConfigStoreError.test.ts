import { assert, describe, it } from "@effect/vitest"
import {
  Busy,
  type ConfigReason,
  ConfigStoreError,
  Conflict,
  format,
  NothingBefore,
  Rejected,
  SourceUnavailable,
  Unconfirmed,
} from "@signalbox/core/ConfigError"

const eventTags = (reason: ConfigReason) => new ConfigStoreError({ reason }).message

describe("an error of the store", () => {
  it("reports what happened, to what, and the next step", () => {
    const [expected, actual] = ["a".repeat(64), "b".repeat(64)]
    assert.strictEqual(
      eventTags(new Conflict({ expected, actual })),
      "The configuration was not changed: the change was made for the document aaaaaaaaaaaa, but bbbbbbbbbbbb is there now. Read the document again and repeat the change on it.",
    )
    assert.include(eventTags(new NothingBefore({ hash: actual })), "no earlier document")
    assert.match(eventTags(new Unconfirmed({ path: "/c.json" })), /in force and written to \/c\.json.*Check the disk/)
    assert.match(eventTags(new Busy({ detail: "64 changes wait already" })), /64 changes wait already\. Try again/)
    const full = new SourceUnavailable({ path: "/c.json", code: "ENOSPC", detail: "no space left" })
    assert.match(eventTags(full), /\/c\.json is not available \(ENOSPC: no space left\).*Free some space/)
    for (const code of ["ENOENT", "EACCES", "EROFS", "EIO"]) {
      assert.match(
        eventTags(new SourceUnavailable({ path: "/c.json", code, detail: "" })),
        / (Put|Give|Make|Check) .*\.$/,
      )
    }
  })

  it("shows the first problems of a refused document as links, and counts the rest", () => {
    const problem = { by: "schema", path: "/a", line: 1, column: 2, message: "must be a number" }
    const message = eventTags(new Rejected({ problems: Array(7).fill(problem), source: "/c.json" }))
    const lines = message.split("\n")
    assert.lengthOf(lines, 7)
    assert.strictEqual(lines[1], "/c.json:1:2: must be a number (at /a)")
    assert.strictEqual(lines[6], "and 2 more problems")
  })

  it("names the service that refuses, without a place in the text", () => {
    assert.strictEqual(
      format("c.json", { by: "app/Router", path: "", message: "no such model" }),
      "c.json: app/Router: no such model",
    )
  })
})
