import { assert, it } from "@effect/vitest"
import { Model, type ModelsByAlias } from "@signalbox/core/ModelSettings"
import * as fc from "fast-check"
import { ModelTable, modelEvents } from "../src/internal/ModelTable.ts"
import { membersOf, share } from "../src/internal/StructuralSharing.ts"

/** Equal models are identical, as in two revisions of a document that share unchanged members. */
const models = ["u1", "u2", "u3"].map((upstream) => Model.make({ upstream }))
const record = fc.dictionary(fc.constantFrom("a", "b", "c", "constructor"), fc.constantFrom(...models), {
  noNullPrototype: true,
})
const registrations = fc.array(fc.record({ name: fc.constantFrom("x", "y"), models: record }), { maxLength: 2 })

/** The table as a plain map: later layers override earlier ones. */
const flat = (documented: Readonly<Record<string, Model>>, registered: ReadonlyArray<{ models: typeof documented }>) =>
  new Map([...registered.map((one) => one.models), documented].flatMap((layer) => Object.entries(layer)))

it("lists the models of the document over those of later and earlier registrations", () => {
  fc.assert(
    fc.property(record, registrations, (documented, registered) => {
      const table = new ModelTable(documented, registered)
      const expected = flat(documented, registered)
      assert.deepStrictEqual([...table], [...expected])
      for (const alias of ["a", "b", "c", "constructor", "toString"]) {
        assert.strictEqual(table.get(alias), expected.get(alias))
        const owner = registered.findLast((one) => Object.hasOwn(one.models, alias))?.name
        assert.strictEqual(table.registeredBy(alias), Object.hasOwn(documented, alias) ? undefined : owner)
      }
    }),
  )
})

it("returns one event for each alias that differs between three tables in a row", () => {
  const step = fc.record({ documented: record, registered: fc.option(registrations, { nil: undefined }) })
  fc.assert(
    fc.property(fc.tuple(step, step, step), (steps) => {
      let registered: (typeof steps)[0]["registered"] = []
      const tables = steps.map(({ documented, registered: changed }) => {
        registered = changed ?? registered
        return [new ModelTable(documented, registered ?? []), flat(documented, registered ?? [])] as const
      })
      for (const [index, [table, after]] of tables.slice(1).entries()) {
        const [old, before] = tables[index]!
        const expected = new Set(
          [...before.keys(), ...after.keys()].filter((alias) => before.get(alias) !== after.get(alias)),
        )
        const events = modelEvents(old, table)
        assert.sameMembers(
          events.map(({ alias }) => alias),
          [...expected],
        )
        for (const { _tag, alias } of events) {
          const tag = !after.has(alias) ? "model.removed" : before.has(alias) ? "model.changed" : "model.added"
          assert.strictEqual(_tag, tag)
        }
      }
    }),
    { numRuns: 500 },
  )
})

it("returns the events of large records that share their list of aliases, and of those that do not", () => {
  const [first, second] = models as [Model, Model]
  const names = Array.from({ length: 100 }, (_, index) => `alias-${index}`)
  const before: ModelsByAlias = Object.freeze(Object.fromEntries(names.map((name) => [name, first])))
  const changed = share(before, { ...before, "alias-50": second }) as ModelsByAlias
  const { "alias-99": _, ...others } = changed
  const tags = (from: ModelsByAlias, to: ModelsByAlias) =>
    modelEvents(new ModelTable(from, []), new ModelTable(to, [])).map(({ _tag, alias }) => `${_tag} ${alias}`)
  assert.strictEqual(membersOf(changed).keys, membersOf(before).keys)
  assert.deepStrictEqual(tags(before, changed), ["model.changed alias-50"])
  assert.deepStrictEqual(tags(changed, Object.freeze({ ...others, new: first })), [
    "model.removed alias-99",
    "model.added new",
  ])
})
