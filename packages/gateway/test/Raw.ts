/** Raw requests that no client library would send. */
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from "node:http"
import { Effect } from "effect"
import { baseUrl } from "./GatewayHost.ts"

export interface RawResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface RawRequest {
  readonly method?: string
  readonly path?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer
}

/** Sends one request. Interruption closes the connection. */
export const raw = ({ body, headers = {}, method = "POST", path = "/chat/completions" }: RawRequest) =>
  Effect.flatMap(baseUrl, (base) =>
    Effect.callback<RawResponse>((resume) => {
      const sent = request(`${base}${path}`, { method, headers, agent: false }, (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.on("end", () =>
          resume(
            Effect.succeed({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(chunks).toString(),
            }),
          ),
        )
      })
      sent.on("error", (error) => resume(Effect.die(error)))
      if (headers["expect"] === undefined) sent.end(body)
      else {
        sent.on("continue", () => sent.end(body))
        sent.flushHeaders()
      }
      return Effect.sync(() => {
        sent.removeAllListeners("error")
        sent.on("error", () => undefined)
        sent.destroy()
      })
    }),
  )

export const errorIn = (response: RawResponse) => {
  const { error } = JSON.parse(response.text) as {
    readonly error: {
      readonly message: string
      readonly type: string
      readonly param: string | null
      readonly code: string
    }
  }
  return error
}
