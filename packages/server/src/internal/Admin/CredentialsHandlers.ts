/** Handlers for the keys of callers. Only the response that creates a key contains its secret. */
import { AdminApi } from "@signalbox/api/AdminApi"
import { Credentials } from "@signalbox/core/Credentials"
import { formatCursor } from "@signalbox/core/Event"
import { EventBus } from "@signalbox/core/EventBus"
import { Effect, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { credentialsProblem } from "./ServiceProblems.ts"

export const layer = HttpApiBuilder.group(
  AdminApi,
  "credentials",
  Effect.fnUntraced(function* (handlers) {
    const credentials = yield* Credentials
    const bus = yield* EventBus
    return handlers.handleAll({
      list: () =>
        Effect.gen(function* () {
          const cursor = formatCursor(yield* bus.cursor)
          return { credentials: yield* credentials.list, cursor }
        }),
      add: ({ payload }) =>
        credentials.add(payload).pipe(
          Effect.map(({ credential, secret }) => ({ credential, secret: Redacted.value(secret) })),
          Effect.mapError(credentialsProblem),
          Effect.catchTag("NotFound", Effect.die),
        ),
      revoke: ({ params: { id } }) =>
        Effect.mapError(credentials.revoke(id), credentialsProblem).pipe(Effect.catchTag("Conflict", Effect.die)),
    })
  }),
)
