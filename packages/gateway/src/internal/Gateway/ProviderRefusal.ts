/** What a caller is told about a provider that cannot serve it, or did not. */
import type { Route } from "@signalbox/core/Models"
import { Result } from "effect"
import type { UpstreamClients } from "../../UpstreamClient.ts"
import type { Upstream } from "../Exchange.ts"
import type { Failure } from "../Failure.ts"
import { maxConnections } from "../OpenAi.ts"
import { ApiError } from "./ApiError.ts"

/** The client that can take this call now. */
export const clientOf = (
  clients: UpstreamClients["Service"],
  { alias, provider }: Route,
): Result.Result<Upstream, ApiError> => {
  const upstream = clients.get(provider)
  const names = `the model ${JSON.stringify(alias)} belongs to the provider ${JSON.stringify(provider)}`
  if (upstream === undefined) {
    return Result.fail(
      // A mistake in the configuration: to send the request again mends nothing, which a 503 would suggest.
      new ApiError({
        status: 500,
        code: "provider_unknown",
        message: `${names}, which the configuration does not have; add it under providers, or use another model`,
        retry: false,
      }),
    )
  }
  if (upstream.chatCompletions === undefined) {
    return Result.fail(
      new ApiError({
        status: 501,
        code: "provider_kind_unsupported",
        message: `${names}, whose kind ${JSON.stringify(upstream.kind)} is accepted but not served yet; use a model of a provider of kind "openai"`,
        retry: false,
      }),
    )
  }
  if (upstream.load.inFlight < maxConnections) return Result.succeed(upstream)
  return Result.fail(
    new ApiError({
      status: 503,
      code: "provider_busy",
      message: `${names}, where ${maxConnections} requests are under way, which is as many as there may be; try again`,
      retryAfterSeconds: 1,
      retry: true,
    }),
  )
}

/** Whether it has acted on a request that it did not answer is unknown, so that nobody should send it again without thinking. */
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
        message: describe(`${description}; see that it runs and that its base_url is right`),
        retry: true,
      })
    case "request":
      return new ApiError({
        status: 400,
        code: "request_unsendable",
        message: describe(`${description}; change what that names`),
        retry: false,
      })
    case "upstream":
      return new ApiError({
        status: 502,
        code: "upstream_broken",
        message: describe(
          `${description}; it may have done the work all the same: look before you send the request again`,
        ),
        retry: false,
      })
  }
}

/** An answer that is none for a caller, whatever else stands in it; `location` is its header of that name. */
export const refusalOfStatus = (
  { redact, provider }: Upstream,
  status: number,
  location: string | undefined,
): ApiError | undefined => {
  const name = JSON.stringify(provider)
  // Whose key it is decides whose mistake it is (RFC 9110, 15.5.2): to the caller it would look like its own. And providers quote parts of it.
  if (status === 401) {
    return new ApiError({
      status: 502,
      code: "provider_refused_key",
      message: `the provider ${name} refused the key that this host has for it, not the caller's; whoever runs the host must put a valid one into providers.${provider}.api_key`,
      retry: false,
    })
  }
  // A redirect is not followed: with the request the provider's key would go to wherever it leads.
  if (status < 300 || status >= 400 || status === 304) return undefined
  const origin = location === undefined ? undefined : URL.parse(location)?.origin
  // Hidden before it is cut: half a key is one too.
  const where = origin === undefined ? "elsewhere" : `to ${redact(origin).slice(0, maxOriginLength)}`
  return new ApiError({
    status: 502,
    code: "upstream_redirected",
    message: `the provider ${name} redirects ${where} (${status}), which is not followed; see that its base_url is right`,
    retry: false,
  })
}

/** Characters of it that a caller is told. */
const maxOriginLength = 200

/** The generation that the call held was released by force. */
export const drained = (message: string) =>
  new ApiError({ status: 503, code: "drain_limit_reached", message, retry: false })
