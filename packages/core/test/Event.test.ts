import { assert, describe, it } from "@effect/vitest"
import * as Event from "@signalbox/core/Event"
import { EventBus, type Gap } from "@signalbox/core/EventBus"
import { DateTime, Effect, Option, Schema, type Scope, type Stream } from "effect"
import * as fc from "fast-check"
import { expectTypeOf } from "vitest"

class RouteMoved extends Event.Class<RouteMoved>()("route.moved", { route: Schema.String, hops: Schema.Int }) {
  get isLong(): boolean {
    return this.hops > 3
  }
}
class Ticked extends Event.Class<Ticked>()("clock.ticked", { at: Schema.DateTimeUtc }, { durable: false }) {}
/** Version 1 was `{ name }`, version 2 `{ title }`, version 3 splits it. */
class Renamed extends Event.Class<Renamed>()(
  "thing.renamed",
  { first: Schema.String, last: Schema.String },
  {
    upcasters: [
      ({ name, ...rest }) => ({ ...rest, title: name ?? null }),
      ({ title, ...rest }) => {
        const [first = "", last = ""] = String(title).split(" ")
        return { ...rest, first, last }
      },
    ],
  },
) {}

const registry = Event.registry([RouteMoved, Ticked, Renamed])

const envelopeOf = <E extends Event.AnyEvent>(event: E, more: Partial<Event.Envelope<E>> = {}): Event.Envelope<E> => ({
  _tag: "Envelope",
  cursor: { epoch: "e", sequence: 7 },
  time: 1_700_000_000_123,
  source: "signalbox",
  revision: 3,
  event,
  ...more,
})

describe("Event.Class", () => {
  it("gives a class its declaration and its instances their type", () => {
    const moved = new RouteMoved({ route: "a", hops: 4 })
    expectTypeOf(moved._tag).toEqualTypeOf<"route.moved">()
    expectTypeOf(RouteMoved.type).toEqualTypeOf<"route.moved">()
    assert.strictEqual(moved._tag, RouteMoved.type)
    assert.isTrue(moved.isLong)
    assert.deepStrictEqual([RouteMoved.version, RouteMoved.durable], [1, true])
    assert.deepStrictEqual([Renamed.version, Ticked.durable], [3, false])
  })

  it("marks instances of an ephemeral class without a field", () => {
    const ticked = Ticked.make({ at: DateTime.makeUnsafe("2026-01-01T00:00:00Z") })
    assert.isTrue(Event.isEphemeral(ticked))
    assert.isFalse(Event.isEphemeral(new RouteMoved({ route: "a", hops: 1 })))
    assert.isFalse(Event.isEphemeral({ _tag: "route.moved" }))
    assert.deepStrictEqual(Object.keys(ticked).toSorted(), ["_tag", "at"])
  })

  it("rejects invalid declarations and payloads at compile time", () => {
    // @ts-expect-error: a payload of another shape
    const shape = () => new RouteMoved({ route: "a", hops: "1" })
    assert.throws(shape)
    // @ts-expect-error: a type without a dot
    Event.Class<RouteMoved>()("moved", {})
    // @ts-expect-error: no Self
    class Nobody extends Event.Class()("no.body", {}) {}
    assert.isFunction(Nobody)
    // @ts-expect-error: an upcaster that makes no JSON
    Event.Class<RouteMoved>()("route.moved", {}, { upcasters: [() => ({ at: new Map() })] })
  })

  it("types the elements of a subscription by its classes", () => {
    const some = EventBus.use((bus) => bus.subscribe({ types: [RouteMoved, Ticked] }))
    expectTypeOf(some).toEqualTypeOf<
      Effect.Effect<Stream.Stream<Event.Envelope<RouteMoved | Ticked> | Gap>, never, EventBus | Scope.Scope>
    >()
    const all = EventBus.use((bus) => bus.subscribe())
    expectTypeOf(all).toEqualTypeOf<Effect.Effect<Stream.Stream<Event.Envelope | Gap>, never, EventBus | Scope.Scope>>()
    const byName = EventBus.use((bus) => bus.subscribe({ types: ["route.moved", Ticked] }))
    expectTypeOf(byName).toEqualTypeOf<
      Effect.Effect<
        Stream.Stream<Event.Envelope<(Event.AnyEvent & { readonly _tag: "route.moved" }) | Ticked> | Gap>,
        never,
        EventBus | Scope.Scope
      >
    >()
    const unknown: ReadonlyArray<string> = ["route.moved"]
    const later = EventBus.use((bus) => bus.subscribe({ types: unknown }))
    expectTypeOf(later).toEqualTypeOf<
      Effect.Effect<Stream.Stream<Event.Envelope | Gap>, never, EventBus | Scope.Scope>
    >()
  })
})

describe("Cursor", () => {
  it("parses each formatted cursor", () =>
    fc.assert(
      fc.property(
        fc.record(
          {
            epoch: fc.stringMatching(/^[\w-]{1,64}$/),
            sequence: fc.nat({ max: 999_999_999_999_999 }),
            n: fc.integer({ min: 1 }),
          },
          { requiredKeys: ["epoch", "sequence"] },
        ),
        (cursor) => assert.deepStrictEqual(Event.parseCursor(Event.formatCursor(cursor)), Option.some(cursor)),
      ),
    ))

  it.each(["", "7", ":7", "e:", "e:-1", "e:01", "e:7.0", "e:7.", "e:1e3", "e f:1", "e:7:8", "e:99999999999999999999"])(
    "rejects %j as a cursor",
    (text) => assert.isTrue(Option.isNone(Event.parseCursor(text))),
  )
})

describe("Event.registry", () => {
  it.effect("encodes an envelope as a CloudEvents 1.0 object", () =>
    Effect.gen(function* () {
      const cloudEvent = yield* registry.encode(
        envelopeOf(new Renamed({ first: "Ada", last: "L" }), { causationId: "e:6" }),
      )
      assert.deepStrictEqual(cloudEvent, {
        specversion: "1.0",
        id: "e:7",
        source: "signalbox",
        type: "thing.renamed",
        time: "2023-11-14T22:13:20.123Z",
        datacontenttype: "application/json",
        dataschema: "urn:signalbox:event:thing.renamed:3",
        data: { first: "Ada", last: "L" },
        revision: 3,
        causationid: "e:6",
      })
      for (const attribute of Object.keys(cloudEvent)) assert.match(attribute, /^[a-z0-9]{1,20}$/)
    }),
  )

  it.effect("decodes JSON text to envelopes with instances of their classes", () =>
    Effect.gen(function* () {
      const at = DateTime.makeUnsafe("2026-01-01T00:00:00Z")
      const envelopes = [
        envelopeOf(new RouteMoved({ route: 'ä\n"', hops: 9 })),
        envelopeOf(new Ticked({ at }), { cursor: { epoch: "e", sequence: 0, n: 2 }, causationId: "request 1" }),
      ]
      for (const envelope of envelopes) {
        const decoded = yield* registry.decode(JSON.parse(JSON.stringify(yield* registry.encode(envelope))))
        assert.deepStrictEqual<unknown>(decoded, envelope)
        expectTypeOf(decoded).toEqualTypeOf<Event.Envelope<RouteMoved | Ticked | Renamed>>()
        if (decoded.event._tag === "route.moved") assert.isTrue(decoded.event.isLong)
      }
    }),
  )

  it.effect("converts older schema versions to the current one", () =>
    Effect.gen(function* () {
      const written = yield* registry.encode(envelopeOf(new Renamed({ first: "", last: "" })))
      const { dataschema: _, ...unversioned } = written
      const older: ReadonlyArray<unknown> = [
        { ...unversioned, data: { name: "Ada L" } },
        { ...written, dataschema: "urn:signalbox:event:thing.renamed:1", data: { name: "Ada L" } },
        { ...written, dataschema: "urn:signalbox:event:thing.renamed:2", data: { title: "Ada L" } },
        { ...written, data: { first: "Ada", last: "L" } },
      ]
      for (const cloudEvent of older) {
        const { event } = yield* registry.decode(cloudEvent)
        assert.deepStrictEqual<unknown>(event, new Renamed({ first: "Ada", last: "L" }))
      }
    }),
  )

  const refusals: ReadonlyArray<readonly [string, object, Event.EventError["reason"]["_tag"]]> = [
    ["a newer schema version", { dataschema: "urn:signalbox:event:route.moved:2" }, "NewerVersion"],
    ["an unknown type", { type: "route.lost", dataschema: "urn:signalbox:event:route.lost:1" }, "UnknownType"],
    ["another CloudEvents version", { specversion: "0.3" }, "Malformed"],
    ["an id that is not a cursor", { id: "b0a1" }, "Malformed"],
    ["a time that is not a date", { time: "2023-13-45T00:00:00Z" }, "Malformed"],
    ["a time that is not RFC 3339", { time: "Tue Nov 14 2023" }, "Malformed"],
    ["a foreign schema", { dataschema: "https://example.com/schema" }, "Malformed"],
    ["a foreign content type", { datacontenttype: "text/plain" }, "Malformed"],
    ["a missing revision", { revision: undefined }, "Malformed"],
    ["data of another shape", { data: { route: 1, hops: "a" } }, "InvalidData"],
    ["data that is not an object", { data: [1] }, "Malformed"],
  ]
  it.effect.each(refusals)("refuses %s", ([, change, reason]) =>
    Effect.gen(function* () {
      const good = yield* registry.encode(envelopeOf(new RouteMoved({ route: "a", hops: 1 })))
      const error = yield* Effect.flip(registry.decode({ ...good, ...change }))
      assert.strictEqual(error.reason._tag, reason)
      assert.isAbove(error.message.length, 20)
    }),
  )

  it.effect("fails with a typed error for a non-object and for an upcaster that throws", () =>
    Effect.gen(function* () {
      for (const input of [null, 1, "x", [], {}, undefined]) {
        assert.strictEqual((yield* Effect.flip(registry.decode(input))).reason._tag, "Malformed")
      }
      class Broken extends Event.Class<Broken>()(
        "is.broken",
        { a: Schema.Int },
        {
          upcasters: [
            () => {
              throw new Error("no way")
            },
          ],
        },
      ) {}
      const broken = Event.registry([Broken])
      const cloudEvent = yield* broken.encode(envelopeOf(new Broken({ a: 1 })))
      const error = yield* Effect.flip(broken.decode({ ...cloudEvent, dataschema: "urn:signalbox:event:is.broken:1" }))
      assert.strictEqual(error.reason._tag, "InvalidData")
      assert.strictEqual((yield* Effect.flip(broken.encode(envelopeOf({ _tag: "x.y" })))).reason._tag, "UnknownType")
    }),
  )

  it.effect("shows no value of the payload in an error", () =>
    Effect.gen(function* () {
      const good = yield* registry.encode(envelopeOf(new RouteMoved({ route: "a", hops: 1 })))
      const error = yield* Effect.flip(registry.decode({ ...good, data: { route: "sk-1", hops: "sk-2" }, x: "sk-3" }))
      assert.notInclude(JSON.stringify(error), "sk-")
      assert.include(error.message, "hops")
    }),
  )

  it("throws for two classes of one type", () => {
    class Again extends Event.Class<Again>()("route.moved", {}) {}
    assert.throws(() => Event.registry([RouteMoved, Again]), /route\.moved/)
  })
})
