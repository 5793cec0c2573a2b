/** `events`: prints the host's event feed line by line, until the reader or the host ends it. */
import type { FeedItem, WireGap } from "@signalbox/api/EventsGroup"
import * as HostEvents from "@signalbox/api/HostEvents"
import { parseCursor } from "@signalbox/core/Event"
import { eventLine } from "@signalbox/core/EventLine"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { visibleJson } from "@signalbox/core/VisibleText"
import { Effect, Option, Stream } from "effect"
import * as Sse from "effect/encoding/Sse"
import { endpoints } from "../AdminEndpoints.ts"
import { failed, hostNotReached, noHost, usage } from "../Failure.ts"
import { Json } from "../GlobalFlags.ts"
import { openStream } from "../HostClient.ts"
import { print, printNote } from "../Print.ts"
import { requireHost, target } from "../Target.ts"
import { escapeLine, formatTime } from "../TextFormat.ts"

interface Input {
  readonly types: Option.Option<string>
  readonly since: Option.Option<string>
}

export const events = Effect.fnUntraced(function* ({ since, types }: Input) {
  const query = {
    ...(Option.isSome(types) ? { types: (yield* knownTypes(types.value)).join(",") } : {}),
    ...(Option.isSome(since) ? { after: yield* cursorOf(since.value) } : {}),
  }
  const host = yield* requireHost("follow its events")
  const json = yield* Json
  const response = yield* openStream(host, endpoints.events, { query })
  yield* printNote(`following the events of ${host.url}; Ctrl-C ends it`)
  const parse = itemParser()
  let last: string | undefined
  yield* Stream.fromAsyncIterable<string, unknown>(response, (error) => error).pipe(
    Stream.mapError(() => connectionBroken(last)),
    Stream.runForEach((chunk) =>
      Effect.forEach(parse(chunk), (item) => {
        last = item.id ?? last
        return print(json ? visibleJson(cloudEventOf(item, host.url)) : textOf(item))
      }),
    ),
  )
  const after = last === undefined ? "" : ` after ${last}`
  if (host.note === undefined) return yield* hostNotReached(host.url, `the feed ended${after}`)
  const { paths } = yield* target
  // The host ends a feed only when it stops.
  return yield* noHost(paths.config, `follow its events: the feed ended${after}`)
})

/** Parses chunks of the feed. The contract is the host's: a host of another version may send events that this command cannot print. */
const itemParser = () => {
  const items: Array<FeedItem> = []
  const parser = Sse.makeParser((event) => {
    if (event._tag === "Event")
      items.push({
        ...(event.id === undefined ? {} : { id: event.id }),
        event: event.event,
        data: JSON.parse(event.data),
      })
  })
  return (chunk: string): ReadonlyArray<FeedItem> => {
    parser.feed(chunk)
    return items.splice(0)
  }
}

const cursorOf = (text: string) =>
  Option.isSome(parseCursor(text))
    ? Effect.succeed(text)
    : Effect.fail(
        usage(
          `${JSON.stringify(text)} is not a cursor`,
          "--since takes the id of an event, which `signalbox events --json` prints, and `signalbox events` when its connection breaks",
        ),
      )

const knownTypes = Effect.fnUntraced(function* (text: string) {
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

const connectionBroken = (last: string | undefined) =>
  failed(
    "gone",
    "the connection to the host broke",
    last === undefined ? "repeat the command" : `continue with \`signalbox events --since ${escapeLine(last)}\``,
  )

/** A gap is not an event. With `--json` it is printed in the form of one. */
const cloudEventOf = ({ data, event, id }: FeedItem, source: string): object =>
  isGap(data) ? { specversion: "1.0", id: id ?? data.to, source, type: event, data } : data

const isGap = (data: FeedItem["data"]): data is typeof WireGap.Type => !("specversion" in data)

const textOf = ({ data, event }: FeedItem): string => {
  if (isGap(data)) {
    return escapeLine(`${" ".repeat(19)}  ${event} from=${data.from} to=${data.to} reason=${data.reason}`)
  }
  return escapeLine(`${formatTime(Date.parse(data.time))}  ${eventLine({ ...data.data, _tag: data.type })}`)
}
