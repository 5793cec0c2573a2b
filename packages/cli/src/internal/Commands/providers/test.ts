/**
 * `providers test`: asks a provider for its models with the address and key of the document, as this machine and this shell's environment have them.
 * Costs no tokens. Prints neither the key nor the provider's response, which may quote it.
 */
import { createRequire } from "node:module"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import type { Provider } from "@signalbox/core/Providers"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Context, Effect, Layer, Logger, Redacted } from "effect"
import { errorCode } from "../../errorCode.ts"
import { type Failure, failed } from "../../Failure.ts"
import { layerOf } from "../../FileConfigAccess.ts"
import { requireReadable } from "../../FilePermissions.ts"
import { printNote, printResult, withSpinner } from "../../Print.ts"
import { shellWord } from "../../shellWord.ts"
import { storeFailure } from "../../storeFailure.ts"
import { localTarget, type Target } from "../../Target.ts"
import { escapeLine, plural } from "../../TextFormat.ts"

// As ES modules these load undici, which is not needed here.
const require = createRequire(import.meta.url)
const http: typeof import("node:http") = require("node:http")
const https: typeof import("node:https") = require("node:https")

export const test = Effect.fnUntraced(function* ({ id }: { readonly id: string }) {
  const { models, providers } = yield* configOf(yield* localTarget("test a provider"))
  const provider = Object.hasOwn(providers, id) ? providers[id] : undefined
  if (provider === undefined) {
    const near = escapeLine(didYouMean(nearNames(id, Object.keys(providers))))
    return yield* failed(
      "not-found",
      `there is no provider ${quoted(id)}${near}`,
      "`signalbox providers` lists the providers",
    )
  }
  if (provider.kind === "echo") {
    return yield* printResult(
      { provider: id, kind: "echo", works: true },
      () => `provider ${escapeLine(id)} works: it needs no server`,
    )
  }
  const { listed, millis } = yield* ask(id, provider).pipe(withSpinner(`asking ${id}`))
  yield* printResult(
    { provider: id, kind: provider.kind, url: provider.baseUrl, works: true, models: listed.length, millis },
    () =>
      `provider ${escapeLine(id)} works: ${escapeLine(provider.baseUrl)} lists ${plural(listed.length, "model")}, after ${millis} ms`,
  )
  for (const [alias, { provider, upstream }] of Object.entries(models)) {
    if (provider !== id || listed.length === 0 || listed.includes(upstream)) continue
    const near = didYouMean(nearNames(upstream, listed))
    yield* printNote(
      escapeLine(`warning: model ${alias}: the provider does not list ${JSON.stringify(upstream)}${near}`),
    )
  }
})

const configOf = (target: Target) =>
  Effect.gen(function* () {
    yield* requireReadable(target.paths.config)
    const context = yield* Effect.mapError(Layer.build(layerOf(target, "read")), storeFailure)
    return (yield* Context.get(context, HostConfig).snapshot).config
  }).pipe(Effect.provide(Logger.layer([])), Effect.scoped)

type Remote = Exclude<Provider, { readonly kind: "echo" }>

const timeoutMillis = 15_000
const maxBytes = 1 << 24

const ask = (id: string, provider: Remote) =>
  Effect.gen(function* () {
    const started = performance.now()
    const { body, status } = yield* get(provider).pipe(
      Effect.mapError((error) => unreachable(id, provider, errorCode(error))),
      Effect.timeoutOrElse({
        duration: timeoutMillis,
        orElse: () => Effect.fail(unreachable(id, provider, `no response in ${timeoutMillis / 1000} s`)),
      }),
    )
    if (status !== 200) return yield* refusal(id, provider, status)
    return { listed: modelsIn(body), millis: Math.round(performance.now() - started) }
  })

/** Does not follow a redirect, which would receive the key. */
const get = (provider: Remote) =>
  Effect.callback<{ readonly status: number; readonly body: string }, Error>((resume) => {
    const url = modelsUrl(provider)
    const { request } = /^https:/i.test(url) ? https : http
    const call = request(url, { agent: false, headers: headersOf(provider) }, (response) => {
      const chunks: Array<Buffer> = []
      let bytes = 0
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length
        chunks.push(chunk)
        if (bytes > maxBytes) response.destroy()
      })
      response.once("close", () =>
        resume(Effect.succeed({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() })),
      )
    })
    call.on("error", (error) => resume(Effect.fail(error)))
    call.end()
    return Effect.sync(() => call.destroy())
  })

const modelsUrl = ({ baseUrl, kind }: Remote): string =>
  `${baseUrl.replace(/\/+$/, "")}${kind === "anthropic" ? "/v1/models?limit=1000" : "/models"}`

const headersOf = ({ apiKey, kind }: Remote): Record<string, string> => {
  const version: Record<string, string> = kind === "anthropic" ? { "anthropic-version": "2023-06-01" } : {}
  if (apiKey === undefined) return version
  const key = Redacted.value(apiKey)
  return kind === "anthropic" ? { ...version, "x-api-key": key } : { authorization: `Bearer ${key}` }
}

const modelsIn = (body: string): ReadonlyArray<string> => {
  try {
    const data: unknown = JSON.parse(body)?.data
    return Array.isArray(data) ? data.map((model) => String(model?.id)) : []
  } catch {
    return []
  }
}

const refusal = (id: string, { apiKey, baseUrl }: Remote, status: number): Failure => {
  const provider = `provider ${escapeLine(id)}`
  const setKey = `set it with \`signalbox config set ${escapeLine(shellWord(`/providers/${id}/api_key`))} - < file\``
  if (status === 401 || status === 403) {
    return apiKey === undefined
      ? failed("provider", `${provider} needs a key (status ${status})`, setKey)
      : failed("provider", `${provider} refuses the key (status ${status})`, setKey)
  }
  if (status === 429) return failed("provider", `${provider} limits requests (status 429)`, "try again later")
  if (status >= 500) return failed("provider", `${provider} fails (status ${status})`, "try again later")
  return failed(
    "provider",
    `${provider} has no list of models at ${escapeLine(baseUrl)} (status ${status})`,
    "check its base_url: for a server with OpenAI's protocol it usually ends with /v1",
  )
}

const unreachable = (id: string, { baseUrl }: Remote, code: string): Failure =>
  failed(
    "provider",
    `provider ${escapeLine(id)} cannot be reached at ${escapeLine(baseUrl)} (${escapeLine(code)})`,
    reasons[code] ?? "check its base_url, and the network of this machine",
  )

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: start the server, or correct base_url",
  ENOTFOUND: "the name does not exist: correct base_url",
}

const quoted = (name: string): string => escapeLine(JSON.stringify(name))
