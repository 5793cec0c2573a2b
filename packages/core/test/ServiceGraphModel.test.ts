import { assert, describe, it } from "@effect/vitest"
import { type Context, Effect, Exit, Result, Scope } from "effect"
import fc from "fast-check"
import {
  A,
  Aside,
  B,
  Base,
  BuildControl,
  C,
  Diamond,
  diamond,
  Left,
  put,
  Right,
  settle,
  Top,
} from "./ServiceGraph.fixtures.ts"

// Few values, so that they recur: a value equal to the last must be shared, an older one must not.
const value = fc.constantFrom("1", "2", "3")
const command = fc.oneof(
  fc.record({ kind: fc.constant("put"), a: value, b: value, c: value, refuse: fc.boolean() }),
  fc.record({ kind: fc.constant("pin") }),
  fc.record({ kind: fc.constant("unpin"), which: fc.nat(10) }),
)

interface Values {
  readonly a: string
  readonly b: string
  readonly c: string
}
/** The name of each service when it is built from these values. */
const expected = ({ a, b, c }: Values) => {
  const [left, right] = [`Left(Base(a${a}))`, `Right(Base(a${a}),b${b})`]
  return [`Base(a${a})`, left, right, `Top(${left},${right})`, `Aside(c${c})`]
}
const rebuiltBy = (before: Values, after: Values): ReadonlyArray<string> => [
  ...(before.a === after.a ? [] : ["Base", "Left"]),
  ...(before.a === after.a && before.b === after.b ? [] : ["Right", "Top"]),
  ...(before.c === after.c ? [] : ["Aside"]),
]
const seen = Effect.all([Base, Left, Right, Top, Aside])

describe("ServiceGraph against a model", () => {
  it("agrees with a model of pins and instances through generated changes, refusals and pins", () =>
    fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), (commands) =>
        Effect.gen(function* () {
          const [engine, control] = [(yield* Diamond)["~signalbox/ServiceGraph"], yield* BuildControl]
          let current: Values = { a: "1", b: "1", c: "1" }
          const pins: Array<{
            readonly values: Values
            readonly scope: Scope.Closeable
            readonly context: Context.Context<any>
          }> = []
          const check = Effect.forEach(pins, ({ context, values }) =>
            Effect.gen(function* () {
              const parts = yield* Effect.provide(seen, context)
              assert.deepStrictEqual(
                parts.map(({ name }) => name),
                expected(values),
              )
              assert.isTrue(parts.every((part) => part.isOpen()))
              assert.deepStrictEqual(yield* Effect.provide(Effect.all([A.get, B.get, C.get]), context), [
                `a${values.a}`,
                `b${values.b}`,
                `c${values.c}`,
              ])
            }),
          )
          for (const next of commands) {
            if ("a" in next) {
              const { a, b, c, refuse } = next
              control.refuse.clear()
              // Aside has no dependants: its refusal counts only if it is rebuilt.
              if (refuse) control.refuse.set(`Aside(c${c})`, "no")
              const result = yield* Effect.result(put([A, `a${a}`], [B, `b${b}`], [C, `c${c}`]))
              if (refuse && c !== current.c) assert.isTrue(Result.isFailure(result))
              else {
                assert.deepStrictEqual(Result.getOrThrow(result), rebuiltBy(current, next))
                current = { a, b, c }
              }
            } else if ("which" in next) {
              const [pin] = pins.splice(next.which % Math.max(1, pins.length), 1)
              if (pin !== undefined) yield* Scope.close(pin.scope, Exit.void)
            } else if (pins.length < 15) {
              const scope = yield* Scope.make()
              pins.push({ values: current, scope, context: yield* Scope.provide(Diamond.pin, scope) })
            }
            yield* settle
            yield* check
          }
          for (const { scope } of pins) yield* Scope.close(scope, Exit.void)
          yield* settle
          assert.strictEqual(yield* engine.size, 5)
          const count = (what: string) => control.log.filter((line) => line.startsWith(what)).length
          assert.strictEqual(count("build") - count("close"), 5)
          const { generations } = yield* Diamond.status
          assert.deepStrictEqual(
            generations.map(({ pins }) => pins),
            [0],
          )
        }).pipe(Effect.provide(diamond), Effect.runPromise),
      ),
      { numRuns: 150 },
    ))
})
