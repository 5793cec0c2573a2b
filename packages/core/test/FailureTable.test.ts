/**
 * Each step of a change with an error, a power cut, an interrupted caller and a foreign edit. An expected outcome reads disk | memory | events |
 * result of the caller; after a power cut it is what the next process finds, serves and publishes. Each case also checks that acknowledged
 * changes survive the next power cut, and that no temporary file remains.
 */
import { describe, it } from "@effect/vitest"
import {
  edit,
  expectAt,
  expectSweep,
  inCommitting,
  inDecoding,
  inLocking,
  inPreparing,
  inPublishing,
  inReleasing,
  sevenIfUnchanged,
  withoutEffect,
} from "./FailureTableCells.ts"

const succeeded = "new | new | config.changed | snapshot"
const unavailable = "old | old | none | SourceUnavailable"
const died = "old | old | none | died"
/** The document had been replaced when the power went. */
const diedAfter = "new | new | config.changed | died"
const wentAway = "new | new | config.changed | went away"
const takenAlong = "new+theirs | new+theirs | config.changed | snapshot"
const theirsLater = "old+theirs | old+theirs | config.changed, config.changed | snapshot"

describe("read", () => {
  it.effect("an error changes nothing, is said by the source, as is its end, and the caller hears of it", () =>
    // What only looks at modes may fail without harm.
    expectSweep(
      "read",
      { way: "error" },
      "old | old | config.rejected, config.restored | SourceUnavailable",
      succeeded,
    ),
  )
  it.effect("a power cut has changed nothing", () => expectSweep("read", { way: "crash" }, died))
  it.effect("a caller that goes away only stops waiting", () => expectSweep("read", { way: "interruption" }, wentAway))
  it.effect("a foreign edit is taken along", () => expectSweep("read", { way: "foreign edit" }, takenAlong))
})

describe("parse, migrate, layer, decode", () => {
  it.effect("an error changes nothing, is said, and answered as rejected", () =>
    expectAt(
      (cell) => cell.act,
      { way: "error", change: edit(["/days", "x"]) },
      "old | old | config.rejected | Rejected",
    ),
  )
  it.effect("a power cut has changed nothing", () => expectAt(inDecoding, { way: "crash" }, died))
  it.effect("a caller that goes away only stops waiting", () => expectAt(inDecoding, { way: "interruption" }, wentAway))
  it.effect("a foreign edit is taken along", () => expectAt(inDecoding, { way: "foreign edit" }, takenAlong))
})

describe("diff: nothing effective", () => {
  const change = withoutEffect
  for (const step of ["re-read", "temporary"] as const) {
    it.effect(`an error during ${step} leaves text and hash, without an event`, () =>
      expectSweep(
        step,
        { way: "error", change },
        unavailable,
        ...(step === "re-read" ? ["old+port | old | none | snapshot"] : []),
      ),
    )
  }
  it.effect("a power cut leaves the old text or the new, and there is nothing to say", () =>
    expectSweep("rename", { way: "crash", change }, died, "old+port | old | none | died"),
  )
  it.effect("a caller that goes away only stops waiting: the text advances", () =>
    expectSweep("temporary", { way: "interruption", change }, "old+port | old | none | went away"),
  )
  it.effect("a foreign edit is taken along, and it alone is said", () =>
    expectSweep(
      "temporary",
      { way: "foreign edit", change },
      "old+port+theirs | old+theirs | config.changed | snapshot",
    ),
  )
})

describe("prepare", () => {
  it.effect("an error changes nothing, is said by the service, and answered as rejected", () =>
    expectAt(inPreparing, { way: "error" }, "old | old | config.rejected | Rejected"),
  )
  it.effect("a power cut has changed nothing", () => expectAt(inPreparing, { way: "crash" }, died))
  it.effect("a caller that goes away only stops waiting", () =>
    expectAt(inPreparing, { way: "interruption" }, wentAway),
  )
  it.effect("a foreign edit is taken along", () => expectAt(inPreparing, { way: "foreign edit" }, takenAlong))
})

describe("lock", () => {
  it.effect("a lock that another process keeps changes nothing, and the answer is Busy", () =>
    expectAt(inLocking, { way: "error" }, "old | old | none | Busy"),
  )
  it.effect("a power cut while waiting has changed nothing", () => expectAt(inLocking, { way: "crash" }, died))
  it.effect("a caller that goes away only stops waiting", () => expectAt(inLocking, { way: "interruption" }, wentAway))
  it.effect("a foreign edit while waiting is taken along", () =>
    expectAt(inLocking, { way: "foreign edit" }, takenAlong),
  )
})

describe("re-read", () => {
  it.effect("an error changes nothing", () => expectSweep("re-read", { way: "error" }, unavailable, succeeded))
  it.effect("a power cut has changed nothing", () => expectSweep("re-read", { way: "crash" }, died))
  it.effect("a caller that goes away only stops waiting", () =>
    expectSweep("re-read", { way: "interruption" }, wentAway),
  )
  it.effect("a foreign edit has moved the hash: the edits are made again on its text", () =>
    expectSweep("re-read", { way: "foreign edit" }, takenAlong),
  )
  it.effect("a foreign edit is a conflict for a caller who named the hash, and comes into force by itself", () =>
    expectSweep(
      "re-read",
      { way: "foreign edit", change: sevenIfUnchanged },
      "old+theirs | old+theirs | config.changed | Conflict",
    ),
  )
})

describe("temporary file, write, fsync", () => {
  for (const code of ["EIO", "ENOSPC", "EACCES"]) {
    it.effect(`${code} leaves the old document`, () => expectSweep("temporary", { way: "error", code }, unavailable))
  }
  it.effect("a power cut leaves the old document, and the next start sweeps", () =>
    expectSweep("temporary", { way: "crash" }, died),
  )
  it.effect("a caller that goes away only stops waiting", () =>
    expectSweep("temporary", { way: "interruption" }, wentAway),
  )
  it.effect("a foreign edit is seen before the rename, and taken along", () =>
    expectSweep("temporary", { way: "foreign edit" }, takenAlong),
  )
})

describe("rename over the real path", () => {
  it.effect("an error leaves the old document", () => expectSweep("rename", { way: "error" }, unavailable))
  it.effect("a power cut leaves the old document or the new", () =>
    expectSweep("rename", { way: "crash" }, died, diedAfter),
  )
  it.effect("a caller that goes away only stops waiting", () =>
    expectSweep("rename", { way: "interruption" }, wentAway),
  )
  it.effect("a foreign edit is taken along; in the last instant it is kept in the history and said", () =>
    expectSweep(
      "rename",
      { way: "foreign edit" },
      takenAlong,
      "new | new, theirs kept | config.changed, config.overwritten | snapshot",
    ),
  )
})

describe("after the rename", () => {
  it.effect("an error comes too late: the new document is in force, at worst unconfirmed", () =>
    expectSweep("after rename", { way: "error" }, succeeded, "new | new | config.changed | Unconfirmed"),
  )
  it.effect("a power cut before the directory is synced leaves the old document or the new", () =>
    expectSweep("after rename", { way: "crash" }, died, diedAfter),
  )
  it.effect("a caller that goes away only stops waiting", () =>
    expectSweep("after rename", { way: "interruption" }, wentAway),
  )
  it.effect("a foreign edit is the next change", () =>
    expectSweep("after rename", { way: "foreign edit" }, theirsLater),
  )
})

describe("commit", () => {
  it.effect("cannot fail: an observer that throws loses its own events", () =>
    expectAt(inCommitting, { way: "error" }, succeeded),
  )
  it.effect("a power cut leaves the new document, which the next start says", () =>
    expectAt(inCommitting, { way: "crash" }, diedAfter),
  )
  it.effect("a caller that goes away only stops waiting", () =>
    expectAt(inCommitting, { way: "interruption" }, wentAway),
  )
  it.effect("a foreign edit is the next change", () => expectAt(inCommitting, { way: "foreign edit" }, theirsLater))
})

describe("publish", () => {
  it.effect("an error of the bus does not undo the change", () =>
    expectAt(inPublishing, { way: "error" }, "new | new | none | snapshot"),
  )
  it.effect("a power cut leaves the new document, which the next start says", () =>
    expectAt(inPublishing, { way: "crash" }, diedAfter),
  )
  it.effect("a caller that goes away only stops waiting", () =>
    expectAt(inPublishing, { way: "interruption" }, wentAway),
  )
  it.effect("a foreign edit is the next change", () => expectAt(inPublishing, { way: "foreign edit" }, theirsLater))
})

describe("remember in the history", () => {
  it.effect("an error is logged, and the change stays", () => expectSweep("history", { way: "error" }, succeeded))
  it.effect("a power cut leaves the new document; where the history lacks it, the next start says it", () =>
    expectSweep("history", { way: "crash" }, diedAfter, "new | new | none | died"),
  )
  it.effect("a caller that goes away only stops waiting", () =>
    expectSweep("history", { way: "interruption" }, wentAway),
  )
  it.effect("a foreign edit is the next change", () => expectSweep("history", { way: "foreign edit" }, theirsLater))
})

describe("release", () => {
  it.effect("a finalizer that fails does not undo the change", () => expectAt(inReleasing, { way: "error" }, succeeded))
  it.effect("a power cut leaves the new document", () => expectAt(inReleasing, { way: "crash" }, diedAfter))
  it.effect("a caller that goes away only stops waiting", () =>
    expectAt(inReleasing, { way: "interruption" }, wentAway),
  )
  it.effect("a foreign edit is the next change", () => expectAt(inReleasing, { way: "foreign edit" }, theirsLater))
})

describe("the end of the host while a change is under way", () => {
  it.effect("before the lock, leaves everything as it was", () =>
    expectSweep("read", { way: "shutdown" }, "old | old | none | went away"),
  )
  for (const step of ["re-read", "temporary", "rename", "after rename", "history"] as const) {
    it.effect(`during ${step} waits for the publication, and the next start has nothing to add`, () =>
      expectSweep(step, { way: "shutdown" }, wentAway),
    )
  }
})
