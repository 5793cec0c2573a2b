/** `status`: whether a host runs on the document, and how it is. */
import { ConfigGroup } from "@signalbox/api/ConfigGroup"
import { HealthGroup } from "@signalbox/api/HealthGroup"
import { ServicesGroup } from "@signalbox/api/ServicesGroup"
import { StatsGroup } from "@signalbox/api/StatsGroup"
import { Effect } from "effect"
import { fromApi } from "../Answers.ts"
import { clientOf } from "../Client.ts"
import { requireHost } from "../ConfigAccess.ts"
import { answer, type Paint } from "../Print.ts"
import { type Host, mustAnswer } from "../RunningHost.ts"
import { age, line, moment } from "../TextFormat.ts"

export const status = Effect.gen(function* () {
  const host = yield* requireHost("has a status")
  yield* mustAnswer(host)
  const found = yield* look(host)
  yield* answer(found, (paint) => text(found, paint))
})

const look = (host: Host) =>
  Effect.all(
    {
      readiness: Effect.flatMap(clientOf(host, HealthGroup), ({ readyz }) => readyz()),
      config: Effect.flatMap(clientOf(host, ConfigGroup), ({ config }) => config.get()),
      services: Effect.flatMap(clientOf(host, ServicesGroup), ({ services }) => services.list()),
      stats: Effect.flatMap(clientOf(host, StatsGroup), ({ stats }) => stats.snapshot({ query: {} })),
    },
    { concurrency: "unbounded" },
  ).pipe(
    Effect.mapError(fromApi),
    Effect.map(({ config: { body: config }, readiness, services, stats }) => ({
      ...host.note,
      config: config.source,
      revision: config.revision,
      hash: config.hash,
      ...readiness,
      generations: services.generations.length,
      pins: services.generations.reduce((sum, { pins }) => sum + pins, 0),
      windowMinutes: stats.windowMinutes,
      requests: stats.totals.requests,
      errors: stats.totals.errors,
    })),
  )

type Found = Effect.Success<ReturnType<typeof look>>

const text = (found: Found, paint: Paint): string =>
  [
    `${found.ready ? paint.green("ready") : paint.yellow("starting")}  ${line(found.url)}  pid ${found.pid}, version ${line(found.version)}, for ${age(Date.now() - Date.parse(found.startedAt))} (since ${moment(Date.parse(found.startedAt))})`,
    `document  ${line(found.config)}  revision ${found.revision}, ${found.hash.slice(0, 12)}`,
    `requests  ${found.requests} in the last ${found.windowMinutes} min, ${found.errors} failed; ${found.pins} under way in ${found.generations} generation${found.generations === 1 ? "" : "s"}`,
    ...found.degraded.map((sentence) => `${paint.yellow("degraded")}  ${line(sentence)}`),
  ].join("\n")
