/** The gateway's keys: of a running host by its admin API, or in the file beside the document. */
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
import { endpoints } from "../../AdminEndpoints.ts"
import { conflict, type Failure, failed, splitHint, usage } from "../../Failure.ts"
import { requireReadable, requireWritable } from "../../FilePermissions.ts"
import { request } from "../../HostClient.ts"
import type { RunningHost } from "../../RunningHost.ts"
import { hostOf, target } from "../../Target.ts"
import { escapeLine } from "../../TextFormat.ts"

export interface KeyStore {
  readonly list: Effect.Effect<ReadonlyArray<Credential>, Failure>
  readonly add: (options: {
    readonly id: string
    readonly label?: string
    readonly models?: ReadonlyArray<string>
  }) => Effect.Effect<{ readonly credential: Credential; readonly secret: string }, Failure>
  readonly revoke: (id: string) => Effect.Effect<void, Failure>
}

export const keyStore = Effect.gen(function* () {
  const document = yield* target
  const host = yield* hostOf(document)
  return host === undefined ? inFile(document.paths.credentials) : inHost(host)
})

const inHost = (host: RunningHost): KeyStore => ({
  list: Effect.map(request(host, endpoints.keys), ({ credentials }) => credentials),
  // Checked here, because the host does not name the member that it rejects in words.
  add: (payload) => Effect.andThen(checkNewKey(payload), request(host, endpoints.addKey, { payload })),
  revoke: (id) => Effect.mapError(request(host, endpoints.revokeKey, { params: { id } }), withListHint),
})

const NewKey = Schema.Struct({
  id: CredentialId,
  label: Schema.optionalKey(CredentialLabel),
  models: Schema.optionalKey(CredentialModels),
})

const checkNewKey = (payload: unknown): Effect.Effect<void, Failure> => {
  const result = Schema.decodeUnknownResult(NewKey)(payload)
  if (Result.isSuccess(result)) return Effect.void
  const [issue] = SchemaIssue.makeFormatterStandardSchemaV1()(result.failure.issue).issues
  return Effect.fail(
    usage(escapeLine(`The key was not added: its ${String(issue?.path?.[0])} ${issue?.message ?? "is not valid"}`)),
  )
}

const inFile = (path: string): KeyStore => {
  const layer = Credentials.layerAt(path).pipe(Layer.provide(EventBus.layer), Layer.provide(Signalbox.layerPlatform))
  const using = <A, E>(use: (credentials: Credentials["Service"]) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.provide(Effect.flatMap(Credentials, use), layer)
  return {
    list: Effect.andThen(
      requireReadable(path),
      using(({ list, problem }) =>
        Effect.flatMap(problem, (problem) =>
          problem === undefined
            ? list
            : Effect.fail(
                failed(
                  "unavailable",
                  escapeLine(`the keys at ${problem.path} cannot be read (${problem.code}: ${problem.detail})`),
                  "`signalbox doctor` advises what to do",
                ),
              ),
        ),
      ),
    ),
    add: (options) =>
      Effect.andThen(
        requireWritable(path),
        using((credentials) => Effect.mapError(credentials.add(options), credentialsFailure)),
      ).pipe(Effect.map(({ credential, secret }) => ({ credential, secret: Redacted.value(secret) }))),
    revoke: (id) =>
      Effect.andThen(
        requireWritable(path),
        using((credentials) => Effect.mapError(credentials.revoke(id), credentialsFailure)),
      ),
  }
}

/** An unknown key. */
const withListHint = (failure: Failure): Failure =>
  failure.kind === "not-found" ? failed("not-found", failure.message, "`signalbox keys list` shows the keys") : failure

const credentialsFailure = (error: CredentialsError): Failure => {
  const [message, hint] = splitHint(escapeLine(error.message))
  switch (error.reason._tag) {
    case "CredentialExists":
      return conflict("conflict", message, hint)
    case "CredentialUnknown":
      return withListHint(failed("not-found", message))
    case "CredentialInvalid":
      return usage(message)
    default:
      return failed("unavailable", message, hint)
  }
}
