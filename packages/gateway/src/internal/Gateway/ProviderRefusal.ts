/** The gateway's errors for providers that cannot serve a request, or failed to. */
import type { Route } from "@signalbox/core/Models"
import { Result } from "effect"
import type { UpstreamClients } from "../../UpstreamClient.ts"
import type { Upstream } from "../Exchange.ts"
import type { Failure } from "../Failure.ts"
import { maxConnections } from "../OpenAi.ts"
import { ApiError } from "./ApiError.ts"

/** Returns the client for the route, or the error if it cannot take a request now. */
export const clientOf = (
  clients: UpstreamClients["Service"],
  { alias, provider }: Route,
): Result.Result<Upstream, ApiError> => {
  const upstream = clients.get(provider)
  const subject = `the model ${JSON.stringify(alias)} belongs to the provider ${JSON.stringify(provider)}`
  if (upstream === undefined) {
    return Result.fail(
      // A mistake in the configuration: a 503 would make clients retry in vain.
      new ApiError({
        status: 500,
        code: "provider_unknown",
        message: `${subject}, which is not in the configuration; add it under providers, or use another model`,
        retry: false,
      }),
    )
  }
  if (upstream.chatCompletions === undefined) {
    return Result.fail(
      new ApiError({
        status: 501,
        code: "provider_kind_unsupported",
        message: `${subject}, whose kind ${JSON.stringify(upstream.kind)} is accepted but not served yet; use a model of a provider of kind "openai"`,
        retry: false,
      }),
    )
  }
  if (upstream.load.inFlight < maxConnections) return Result.succeed(upstream)
  return Result.fail(
    new ApiError({
      status: 503,
      code: "provider_busy",
      message: `${subject}, which has ${maxConnections} requests in flight, the maximum; try again`,
      retryAfterSeconds: 1,
      retry: true,
    }),
  )
}

/** After a failure, the provider may or may not have acted on the request, so the errors advise against blind retries. */
export const failureRefusal = (
  { description, isDown, kind }: Failure,
  describe: (description: string) => string,
): ApiError => {
  switch (kind) {
    case "drained":
      return drained(describe(`${description}; send the request again`))
    case "timeout":
      return new ApiError({
        status: 504,
        code: "upstream_timeout",
        message: describe(`${description}; try again later, or use a model of another provider`),
        retry: isDown,
      })
    case "refused":
      return new ApiError({
        status: 502,
        code: "upstream_unreachable",
        message: describe(`${description}; check that it runs and that its base_url is correct`),
        retry: true,
      })
    case "request":
      return new ApiError({
        status: 400,
        code: "request_unsendable",
        message: describe(`${description}; change the part of the request that this names`),
        retry: false,
      })
    case "upstream":
      return new ApiError({
        status: 502,
        code: "upstream_broken",
        message: describe(`${description}; it may have done the work: check before you send the request again`),
        retry: false,
      })
  }
}

/** Returns an error for a response that must not reach the caller: a refused key or a redirect. `location` is the header. */
export const refusalOfStatus = (
  { redact, provider }: Upstream,
  status: number,
  location: string | undefined,
): ApiError | undefined => {
  const name = JSON.stringify(provider)
  // A 401 would look like a refusal of the caller's own key (RFC 9110, 15.5.2), and providers quote parts of the key in it.
  if (status === 401) {
    return new ApiError({
      status: 502,
      code: "provider_refused_key",
      message: `the provider ${name} refused this host's key for it, not the caller's; the operator of this host must set a valid one at providers.${provider}.api_key`,
      retry: false,
    })
  }
  // The gateway follows no redirect: the provider's key would go to the new address.
  if (status < 300 || status >= 400 || status === 304) return undefined
  const origin = location === undefined ? undefined : URL.parse(location)?.origin
  // Redact before cutting: half a key is still a secret.
  const where = origin === undefined ? "elsewhere" : `to ${redact(origin).slice(0, maxOriginLength)}`
  return new ApiError({
    status: 502,
    code: "upstream_redirected",
    message: `the provider ${name} redirects ${where} (${status}), and the gateway follows no redirects; correct its base_url`,
    retry: false,
  })
}

/** Characters of the origin in the error message. */
const maxOriginLength = 200

/** The drain limit released the call's generation. */
export const drained = (message: string) =>
  new ApiError({ status: 503, code: "drain_limit_reached", message, retry: false })
