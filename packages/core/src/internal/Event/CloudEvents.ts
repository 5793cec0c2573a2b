/**
 * Encodes envelopes as CloudEvents 1.0 JSON objects and decodes them
 * (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md). The CloudEvents `type` is the event's `_tag`, so the
 * payload travels without it. `dataschema` carries the payload's schema version: the specification wants another URI there for each
 * incompatible change.
 */
import { DateTime, Effect, Schema } from "effect"
import { formatCursor, parseCursor } from "../../Cursor.ts"
import type { AnyClass, AnyEvent, Declaration } from "./Declaration.ts"
import type { Envelope } from "./Envelope.ts"

/** The wire format of an event. Other extension attributes are ignored. */
export const CloudEvent = Schema.Struct({
  specversion: Schema.Literal("1.0"),
  /** The cursor: unique together with `source`. */
  id: Schema.NonEmptyString,
  source: Schema.NonEmptyString,
  type: Schema.NonEmptyString,
  /** RFC 3339. */
  time: Schema.String.check(Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/)),
  /** Absent means JSON, as the specification defines. */
  datacontenttype: Schema.optionalKey(Schema.Literal("application/json")),
  /** `urn:signalbox:event:TYPE:VERSION`; absent means version 1. */
  dataschema: Schema.optionalKey(Schema.NonEmptyString),
  data: Schema.Record(Schema.String, Schema.Json),
  /** Extension attribute: the revision of the configuration in force. */
  revision: Schema.Int,
  /** Extension attribute: the cause of the event. */
  causationid: Schema.optionalKey(Schema.NonEmptyString),
})
export type CloudEvent = typeof CloudEvent.Type

/** The registry has no event class of this type. */
export class UnknownType extends Schema.TaggedClass<UnknownType>()("UnknownType", { type: Schema.String }) {}

/** A newer program wrote the payload. */
export class NewerVersion extends Schema.TaggedClass<NewerVersion>()("NewerVersion", {
  type: Schema.String,
  version: Schema.Int,
  newestKnown: Schema.Int,
}) {}

/** The input is not a CloudEvents 1.0 object of this module. */
export class Malformed extends Schema.TaggedClass<Malformed>()("Malformed", { detail: Schema.String }) {}

/** The payload does not match its schema, or an upcaster failed on it. */
export class InvalidData extends Schema.TaggedClass<InvalidData>()("InvalidData", {
  type: Schema.String,
  version: Schema.Int,
  detail: Schema.String,
}) {}

/** An event could not be encoded or decoded. The message names the field and the reason, but no value of the payload. */
export class EventError extends Schema.TaggedError<EventError>()("EventError", {
  reason: Schema.Union([UnknownType, NewerVersion, Malformed, InvalidData]),
}) {
  override get message(): string {
    return explain(this.reason)
  }
}

/** The event classes that a program knows, as codecs for the wire and for journals. */
export interface Registry<out E extends AnyEvent> {
  readonly types: ReadonlyArray<string>
  readonly encode: (envelope: Envelope) => Effect.Effect<CloudEvent, EventError>
  /** Converts older schema versions to the current one, and fails for newer ones. */
  readonly decode: (cloudEvent: unknown) => Effect.Effect<Envelope<E>, EventError>
}

export const makeRegistry = <const Classes extends ReadonlyArray<AnyClass>>(
  classes: Classes,
): Registry<Classes[number]["Type"]> => {
  const known = new Map<string, Classes[number]>()
  for (const one of classes) {
    if (known.has(one.type)) throw new Error(`Two event classes of type ${one.type} in one registry`)
    known.set(one.type, one)
  }
  // Codecs are made on first use, so that a program with dozens of events starts without compiling their schemas.
  const codecs = new Map<string, Codec<Classes[number]["Type"]>>()
  const codecFor = (type: string) => {
    const codec = codecs.get(type)
    if (codec !== undefined) return Effect.succeed(codec)
    const declared = known.get(type)
    if (declared === undefined) return failWith(new UnknownType({ type }))
    const made = codecOf(declared)
    codecs.set(type, made)
    return Effect.succeed(made)
  }
  return {
    types: [...known.keys()],
    encode: (envelope) =>
      Effect.flatMap(codecFor(envelope.event._tag), (codec) =>
        Effect.map(codec.encode(envelope.event), (data) => toCloudEvent(envelope, codec.declaration, data)),
      ),
    decode: Effect.fnUntraced(function* (input) {
      const cloudEvent = yield* Effect.mapError(decodeCloudEvent(input), (error) => malformed(error.message))
      const { data, revision, source, type } = cloudEvent
      const codec = yield* codecFor(type)
      const version = yield* versionOf(cloudEvent)
      const { version: newestKnown } = codec.declaration
      if (version > newestKnown) return yield* failWith(new NewerVersion({ type, version, newestKnown }))
      const cursor = yield* Effect.fromOption(parseCursor(cloudEvent.id), () => malformed("id is not a cursor"))
      const time = DateTime.toEpochMillis(
        yield* Effect.fromOption(DateTime.make(cloudEvent.time), () => malformed("time is not a date")),
      )
      const event = yield* codec.decode(data, version)
      const envelope = { _tag: "Envelope" as const, cursor, time, source, revision, event }
      return cloudEvent.causationid === undefined ? envelope : { ...envelope, causationId: cloudEvent.causationid }
    }),
  }
}

interface Codec<out E> {
  readonly declaration: Declaration
  readonly encode: (event: AnyEvent) => Effect.Effect<Schema.JsonObject, EventError>
  readonly decode: (data: Schema.JsonObject, version: number) => Effect.Effect<E, EventError>
}

const codecOf = <C extends AnyClass>(declared: C): Codec<C["Type"]> => {
  const { type, upcasters, version: current } = declared
  const json = Schema.toCodecJson(declared)
  const encodeJson = Schema.encodeUnknownEffect(json)
  const decodeJson = Schema.decodeUnknownEffect(json)
  const invalid = (version: number) => (error: unknown) =>
    new EventError({
      reason: new InvalidData({ type, version, detail: error instanceof Error ? error.message : String(error) }),
    })
  return {
    declaration: declared,
    encode: (event) =>
      Effect.mapError(encodeJson(event), invalid(current)).pipe(
        Effect.flatMap((encoded) => Effect.mapError(decodeData(encoded), invalid(current))),
        Effect.map(({ _tag, ...data }) => data),
      ),
    decode: (data, version) =>
      Effect.try({
        try: () => upcasters.slice(version - 1).reduce((upcasted, upcast) => upcast(upcasted), data),
        catch: invalid(version),
      }).pipe(Effect.flatMap((upcasted) => Effect.mapError(decodeJson({ ...upcasted, _tag: type }), invalid(version)))),
  }
}

const decodeCloudEvent = Schema.decodeUnknownEffect(CloudEvent)
const decodeData = Schema.decodeUnknownEffect(Schema.Record(Schema.String, Schema.Json))

const toCloudEvent = (envelope: Envelope, { type, version }: Declaration, data: Schema.JsonObject): CloudEvent => {
  const { causationId, cursor, revision, source, time } = envelope
  const cloudEvent = {
    specversion: "1.0" as const,
    id: formatCursor(cursor),
    source,
    type,
    time: DateTime.formatIso(DateTime.makeUnsafe(time)),
    datacontenttype: "application/json" as const,
    dataschema: `urn:signalbox:event:${type}:${version}`,
    data,
    revision,
  }
  return causationId === undefined ? cloudEvent : { ...cloudEvent, causationid: causationId }
}

const versionOf = ({ dataschema, type }: CloudEvent): Effect.Effect<number, EventError> => {
  if (dataschema === undefined) return Effect.succeed(1)
  const prefix = `urn:signalbox:event:${type}:`
  const version = dataschema.slice(prefix.length)
  return dataschema.startsWith(prefix) && /^[1-9]\d{0,8}$/.test(version)
    ? Effect.succeed(Number(version))
    : Effect.fail(malformed(`dataschema is not ${prefix}VERSION`))
}

const explain = (reason: EventError["reason"]): string => {
  switch (reason._tag) {
    case "UnknownType":
      return `Event type ${reason.type} is unknown: add its class to the registry.`
    case "NewerVersion":
      return `Event ${reason.type} has schema version ${reason.version}, but this program knows versions up to ${reason.newestKnown}: update the program.`
    case "Malformed":
      return `Not a CloudEvents 1.0 object of a Signalbox event: ${reason.detail}`
    case "InvalidData":
      return `The data of event ${reason.type} (schema version ${reason.version}) is invalid: ${reason.detail}`
  }
}

const failWith = (reason: EventError["reason"]): Effect.Effect<never, EventError> =>
  Effect.fail(new EventError({ reason }))
const malformed = (detail: string): EventError => new EventError({ reason: new Malformed({ detail }) })
