/** The keys, wherever they are: in a running host by its admin API, or in the file beside the document. */
import { CredentialsGroup } from "@signalbox/api/CredentialsGroup"
import {
  type Credential,
  CredentialId,
  CredentialLabel,
  CredentialModels,
  Credentials,
  type CredentialsError,
} from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Effect, Layer, Redacted, Result, Schema, SchemaIssue } from "effect"
import { fromApi } from "../../Answers.ts"
import { clientOf } from "../../Client.ts"
import { hostOf, where } from "../../ConfigAccess.ts"
import { conflict, type Failure, failed, inSentences, usage } from "../../Failure.ts"
import { mustBeReadable, mustBeWritable } from "../../FilePermissions.ts"
import type { Host } from "../../RunningHost.ts"
import { line } from "../../TextFormat.ts"

export interface Keys {
  readonly list: Effect.Effect<ReadonlyArray<Credential>, Failure>
  readonly add: (options: {
    readonly id: string
    readonly label?: string
    readonly models?: ReadonlyArray<string>
  }) => Effect.Effect<{ readonly credential: Credential; readonly secret: string }, Failure>
  readonly revoke: (id: string) => Effect.Effect<void, Failure>
}

export const changesIn = Effect.gen(function* () {
  const at = yield* where
  const host = yield* hostOf(at)
  return host === undefined ? inFile(at.place.credentials) : yield* inHost(host)
})

const inHost = (host: Host): Effect.Effect<Keys> =>
  Effect.map(clientOf(host, CredentialsGroup), ({ credentials }) => {
    const list = Effect.map(Effect.mapError(credentials.list(), fromApi), ({ credentials }) => credentials)
    return {
      list,
      // Here already: the client sends nothing that the contract does not take, and cannot say what of it that was.
      add: (payload) => Effect.andThen(acceptable(payload), Effect.mapError(credentials.add({ payload }), fromApi)),
      revoke: (id) => Effect.mapError(credentials.revoke({ params: { id } }), fromApi),
    }
  })

const wanted = Schema.Struct({
  id: CredentialId,
  label: Schema.optionalKey(CredentialLabel),
  models: Schema.optionalKey(CredentialModels),
})

const acceptable = (payload: unknown): Effect.Effect<void, Failure> => {
  const result = Schema.decodeUnknownResult(wanted)(payload)
  if (Result.isSuccess(result)) return Effect.void
  const [issue] = SchemaIssue.makeFormatterStandardSchemaV1()(result.failure.issue).issues
  return Effect.fail(
    usage(line(`The key was not added: its ${String(issue?.path?.[0])} ${issue?.message ?? "is not acceptable"}`)),
  )
}

const inFile = (path: string): Keys => {
  const layer = Credentials.layerAt(path).pipe(Layer.provide(EventBus.layer), Layer.provide(Signalbox.layerPlatform))
  const using = <A, E>(use: (credentials: Credentials["Service"]) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.provide(Effect.flatMap(Credentials, use), layer)
  return {
    list: Effect.andThen(
      mustBeReadable(path),
      using(({ list, problem }) =>
        Effect.flatMap(problem, (problem) =>
          problem === undefined
            ? list
            : Effect.fail(
                failed(
                  "unavailable",
                  line(`the keys at ${problem.path} cannot be read (${problem.code}: ${problem.detail})`),
                  "`signalbox doctor` says what to do",
                ),
              ),
        ),
      ),
    ),
    add: (options) =>
      Effect.andThen(
        mustBeWritable(path),
        using((credentials) => Effect.mapError(credentials.add(options), fromCredentials)),
      ).pipe(Effect.map(({ credential, secret }) => ({ credential, secret: Redacted.value(secret) }))),
    revoke: (id) =>
      Effect.andThen(
        mustBeWritable(path),
        using((credentials) => Effect.mapError(credentials.revoke(id), fromCredentials)),
      ),
  }
}

const fromCredentials = (error: CredentialsError): Failure => {
  const [message, hint] = inSentences(line(error.message))
  switch (error.reason._tag) {
    case "CredentialExists":
      return conflict("conflict", message, hint)
    case "CredentialUnknown":
      return failed("not-found", message, hint)
    case "CredentialInvalid":
      return usage(message)
    default:
      return failed("unavailable", message, hint)
  }
}
