import { assert, it } from "@effect/vitest"
import { Cause } from "effect"
import { failureOf } from "../src/internal/reportFailure.ts"

it("reports an error of the operating system as such, and only other defects as bugs", () => {
  const system = Object.assign(new Error("EIO: i/o error, lstat '/a'"), { code: "EIO", syscall: "lstat", path: "/a" })
  for (const cause of [Cause.die(system), Cause.fail(system)]) {
    const { hint, kind, message } = failureOf(cause)
    assert.deepStrictEqual(
      [kind, message, hint],
      ["system", "the operating system refused lstat of /a (EIO)", "check the disk, then try again"],
    )
  }
  assert.strictEqual(failureOf(Cause.die(new TypeError("x is not a function"))).kind, "bug")
})
