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
/** The document was replaced before the power cut. */
const diedAfter = "new | new | config.changed | died"
const interrupted = "new | new | config.changed | went away"
const merged = "new+theirs | new+theirs | config.changed | snapshot"
const theirsLater = "old+theirs | old+theirs | config.changed, config.changed | snapshot"

describe("read", () => {
  it.effect("changes nothing when a read fails, publishes the failure and its end, and fails the caller", () =>
    // Reading file modes may fail without harm.
    expectSweep(
      "read",
      { way: "error" },
      "old | old | config.rejected, config.restored | SourceUnavailable",
      succeeded,
    ),
  )
  it.effect("changes nothing after a power cut", () => expectSweep("read", { way: "crash" }, died))
  it.effect("completes the change of an interrupted caller", () =>
    expectSweep("read", { way: "interruption" }, interrupted),
  )
  it.effect("merges an editor's save", () => expectSweep("read", { way: "foreign edit" }, merged))
})

describe("parse, migrate, layer, decode", () => {
  it.effect("changes nothing, publishes config.rejected and fails with Rejected when the document is refused", () =>
    expectAt(
      (cell) => cell.act,
      { way: "error", change: edit(["/days", "x"]) },
      "old | old | config.rejected | Rejected",
    ),
  )
  it.effect("changes nothing after a power cut", () => expectAt(inDecoding, { way: "crash" }, died))
  it.effect("completes the change of an interrupted caller", () =>
    expectAt(inDecoding, { way: "interruption" }, interrupted),
  )
  it.effect("merges an editor's save", () => expectAt(inDecoding, { way: "foreign edit" }, merged))
})

describe("diff: nothing effective", () => {
  const change = withoutEffect
  for (const step of ["re-read", "temporary"] as const) {
    it.effect(`keeps text and hash without an event when ${step} fails`, () =>
      expectSweep(
        step,
        { way: "error", change },
        unavailable,
        ...(step === "re-read" ? ["old+port | old | none | snapshot"] : []),
      ),
    )
  }
  it.effect("keeps the old or the new text after a power cut, without an event", () =>
    expectSweep("rename", { way: "crash", change }, died, "old+port | old | none | died"),
  )
  it.effect("writes the text of an interrupted caller", () =>
    expectSweep("temporary", { way: "interruption", change }, "old+port | old | none | went away"),
  )
  it.effect("merges an editor's save, and publishes only that", () =>
    expectSweep(
      "temporary",
      { way: "foreign edit", change },
      "old+port+theirs | old+theirs | config.changed | snapshot",
    ),
  )
})

describe("prepare", () => {
  it.effect("changes nothing, publishes config.rejected and fails with Rejected when a service refuses", () =>
    expectAt(inPreparing, { way: "error" }, "old | old | config.rejected | Rejected"),
  )
  it.effect("changes nothing after a power cut", () => expectAt(inPreparing, { way: "crash" }, died))
  it.effect("completes the change of an interrupted caller", () =>
    expectAt(inPreparing, { way: "interruption" }, interrupted),
  )
  it.effect("merges an editor's save", () => expectAt(inPreparing, { way: "foreign edit" }, merged))
})

describe("lock", () => {
  it.effect("changes nothing and fails with Busy while another process holds the lock", () =>
    expectAt(inLocking, { way: "error" }, "old | old | none | Busy"),
  )
  it.effect("changes nothing after a power cut while it waits for the lock", () =>
    expectAt(inLocking, { way: "crash" }, died),
  )
  it.effect("completes the change of an interrupted caller", () =>
    expectAt(inLocking, { way: "interruption" }, interrupted),
  )
  it.effect("merges an editor's save that comes while it waits for the lock", () =>
    expectAt(inLocking, { way: "foreign edit" }, merged),
  )
})

describe("re-read", () => {
  it.effect("changes nothing when an operation fails", () =>
    expectSweep("re-read", { way: "error" }, unavailable, succeeded),
  )
  it.effect("changes nothing after a power cut", () => expectSweep("re-read", { way: "crash" }, died))
  it.effect("completes the change of an interrupted caller", () =>
    expectSweep("re-read", { way: "interruption" }, interrupted),
  )
  it.effect("applies the edits again to an editor's save", () =>
    expectSweep("re-read", { way: "foreign edit" }, merged),
  )
  it.effect("fails with Conflict for a caller with a hash, and brings the editor's save into force", () =>
    expectSweep(
      "re-read",
      { way: "foreign edit", change: sevenIfUnchanged },
      "old+theirs | old+theirs | config.changed | Conflict",
    ),
  )
})

describe("temporary file, write, fsync", () => {
  for (const code of ["EIO", "ENOSPC", "EACCES"]) {
    it.effect(`keeps the old document on ${code}`, () => expectSweep("temporary", { way: "error", code }, unavailable))
  }
  it.effect("keeps the old document after a power cut, and removes leftovers at the next start", () =>
    expectSweep("temporary", { way: "crash" }, died),
  )
  it.effect("completes the change of an interrupted caller", () =>
    expectSweep("temporary", { way: "interruption" }, interrupted),
  )
  it.effect("merges an editor's save that comes before the rename", () =>
    expectSweep("temporary", { way: "foreign edit" }, merged),
  )
})

describe("rename over the real path", () => {
  it.effect("keeps the old document when an operation fails", () =>
    expectSweep("rename", { way: "error" }, unavailable),
  )
  it.effect("keeps the old or the new document after a power cut", () =>
    expectSweep("rename", { way: "crash" }, died, diedAfter),
  )
  it.effect("completes the change of an interrupted caller", () =>
    expectSweep("rename", { way: "interruption" }, interrupted),
  )
  it.effect("merges an editor's save, or keeps it in the history and publishes it in the last instant", () =>
    expectSweep(
      "rename",
      { way: "foreign edit" },
      merged,
      "new | new, theirs kept | config.changed, config.overwritten | snapshot",
    ),
  )
})

describe("after the rename", () => {
  it.effect("brings the new document into force when a later operation fails, at worst unconfirmed", () =>
    expectSweep("after rename", { way: "error" }, succeeded, "new | new | config.changed | Unconfirmed"),
  )
  it.effect("keeps the old or the new document after a power cut before the directory is synced", () =>
    expectSweep("after rename", { way: "crash" }, died, diedAfter),
  )
  it.effect("completes the change of an interrupted caller", () =>
    expectSweep("after rename", { way: "interruption" }, interrupted),
  )
  it.effect("takes an editor's save as the next change", () =>
    expectSweep("after rename", { way: "foreign edit" }, theirsLater),
  )
})

describe("commit", () => {
  it.effect("commits although an observer throws, which loses its own events", () =>
    expectAt(inCommitting, { way: "error" }, succeeded),
  )
  it.effect("keeps the new document after a power cut, and publishes it at the next start", () =>
    expectAt(inCommitting, { way: "crash" }, diedAfter),
  )
  it.effect("completes the change of an interrupted caller", () =>
    expectAt(inCommitting, { way: "interruption" }, interrupted),
  )
  it.effect("takes an editor's save as the next change", () =>
    expectAt(inCommitting, { way: "foreign edit" }, theirsLater),
  )
})

describe("publish", () => {
  it.effect("keeps the change when the bus fails", () =>
    expectAt(inPublishing, { way: "error" }, "new | new | none | snapshot"),
  )
  it.effect("keeps the new document after a power cut, and publishes it at the next start", () =>
    expectAt(inPublishing, { way: "crash" }, diedAfter),
  )
  it.effect("completes the change of an interrupted caller", () =>
    expectAt(inPublishing, { way: "interruption" }, interrupted),
  )
  it.effect("takes an editor's save as the next change", () =>
    expectAt(inPublishing, { way: "foreign edit" }, theirsLater),
  )
})

describe("remember in the history", () => {
  it.effect("keeps the change and logs the failure when the history fails", () =>
    expectSweep("history", { way: "error" }, succeeded),
  )
  it.effect(
    "keeps the new document after a power cut, and publishes it at the next start if the history lacks it",
    () => expectSweep("history", { way: "crash" }, diedAfter, "new | new | none | died"),
  )
  it.effect("completes the change of an interrupted caller", () =>
    expectSweep("history", { way: "interruption" }, interrupted),
  )
  it.effect("takes an editor's save as the next change", () =>
    expectSweep("history", { way: "foreign edit" }, theirsLater),
  )
})

describe("release", () => {
  it.effect("keeps the change when a finalizer fails", () => expectAt(inReleasing, { way: "error" }, succeeded))
  it.effect("keeps the new document after a power cut", () => expectAt(inReleasing, { way: "crash" }, diedAfter))
  it.effect("completes the change of an interrupted caller", () =>
    expectAt(inReleasing, { way: "interruption" }, interrupted),
  )
  it.effect("takes an editor's save as the next change", () =>
    expectAt(inReleasing, { way: "foreign edit" }, theirsLater),
  )
})

describe("the end of the host during a change", () => {
  it.effect("changes nothing when the host ends before the lock", () =>
    expectSweep("read", { way: "shutdown" }, "old | old | none | went away"),
  )
  for (const step of ["re-read", "temporary", "rename", "after rename", "history"] as const) {
    it.effect(`publishes the change before the host ends during ${step}, and nothing at the next start`, () =>
      expectSweep(step, { way: "shutdown" }, interrupted),
    )
  }
})
