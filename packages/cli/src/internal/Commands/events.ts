/** `events`: the host's feed as lines, until the reader or the host goes away. */
import { EventsGroup, type FeedItem, type WireGap } from "@signalbox/api/EventsGroup"
import * as HostEvents from "@signalbox/api/HostEvents"
import { parseCursor } from "@signalbox/core/Event"
import { eventLine } from "@signalbox/core/EventLine"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Effect, Option, Stream } from "effect"
import { fromApi } from "../Answers.ts"
import { clientOf } from "../Client.ts"
import { requireHost, where } from "../ConfigAccess.ts"
import { Failure, failed, noHost, usage } from "../Failure.ts"
import { Json } from "../GlobalFlags.ts"
import { print } from "../Print.ts"
import { line, moment } from "../TextFormat.ts"

interface Follow {
  readonly types: Option.Option<string>
  readonly since: Option.Option<string>
}

export const events = Effect.fnUntraced(function* ({ since, types }: Follow) {
  const query = {
    ...(Option.isSome(types) ? { types: (yield* known(types.value)).join(",") } : {}),
    ...(Option.isSome(since) ? { after: yield* cursorOf(since.value) } : {}),
  }
  const host = yield* requireHost("has events")
  const client = yield* clientOf(host, EventsGroup)
  const json = yield* Json
  const feed = yield* Effect.mapError(client.events.follow({ query, headers: {} }), fromApi)
  let last: string | undefined
  yield* Stream.runForEach(feed, (item) => {
    last = item.id ?? last
    return print(json ? JSON.stringify(cloudEventOf(item, host.note.url)) : textOf(item))
  }).pipe(Effect.mapError((error) => (error instanceof Failure ? error : broken(last))))
  const { place } = yield* where
  // The host closes its feeds when it stops, and only then.
  return yield* noHost(place.config, `has events: the feed has ended${last === undefined ? "" : ` after ${last}`}`)
})

const cursorOf = (text: string) =>
  Option.isSome(parseCursor(text))
    ? Effect.succeed(text)
    : Effect.fail(
        usage(
          `${JSON.stringify(text)} is no cursor`,
          "--since takes the id of an event: `signalbox events --json` prints it, and `signalbox events` says it where it breaks off",
        ),
      )

const known = Effect.fnUntraced(function* (text: string) {
  const types = text
    .split(",")
    .map((type) => type.trim())
    .filter((type) => type !== "")
  const all = HostEvents.registry.types
  for (const type of types) {
    if (!all.includes(type)) {
      return yield* usage(
        `there are no events ${JSON.stringify(type)}${didYouMean(nearNames(type, all))}`,
        `there are: ${all.join(", ")}`,
      )
    }
  }
  return types
})

const broken = (last: string | undefined) =>
  failed(
    "gone",
    "the connection to the host broke",
    last === undefined ? "repeat the command" : `\`signalbox events --since ${line(last)}\` goes on where this ended`,
  )

/** A gap has no event of its own; as one it has the same form as all others. */
const cloudEventOf = ({ data, event, id }: FeedItem, source: string): object =>
  isGap(data) ? { specversion: "1.0", id: id ?? data.to, source, type: event, data } : data

const isGap = (data: FeedItem["data"]): data is typeof WireGap.Type => !("specversion" in data)

const textOf = ({ data, event }: FeedItem): string => {
  if (isGap(data)) return line(`${" ".repeat(19)}  ${event} from=${data.from} to=${data.to} reason=${data.reason}`)
  return line(`${moment(Date.parse(data.time))}  ${eventLine({ ...data.data, _tag: data.type })}`)
}
