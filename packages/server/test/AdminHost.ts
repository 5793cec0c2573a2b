/** A host for tests of the admin API: a real socket, with the document in memory. */
import { request as httpRequest, type IncomingHttpHeaders } from "node:http"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as AdminClient from "@signalbox/api/AdminClient"
import { HostHealth } from "@signalbox/server/HostHealth"
import * as MemoryHost from "@signalbox/server/testing/MemoryHost"
import { ConfigProvider, Context, Effect, Layer, Redacted } from "effect"
import { HttpServer } from "effect/http/HttpServer"

export const token = "test-token-0123456789"
/** A secret of the document. No response may contain it. */
export const secret = "sk-THIS-IS-THE-SECRET-42"

/** The address of the host. */
export class AdminHost extends Context.Service<AdminHost, { readonly port: number; readonly url: string }>()(
  "test/AdminHost",
) {}

/** The health of a host that is still starting. */
const starting = HostHealth.of({
  health: Effect.succeed({ status: "ok", version: "0.0.0", pid: 1 }),
  ready: Effect.succeed(false),
  degraded: Effect.succeed(["it starts"]),
})

const address = Layer.effect(
  AdminHost,
  Effect.map(HttpServer, ({ address }) => {
    const port = address._tag === "UnixPathAddress" ? 0 : address.port
    return AdminHost.of({ port, url: `http://127.0.0.1:${port}` })
  }),
)

const environment = ConfigProvider.layer(ConfigProvider.fromEnv({ env: { SIGNALBOX_STATS_WINDOW_MINUTES: "30" } }))

export const hostOver = (health: HostHealth["Service"]) =>
  address.pipe(
    Layer.provideMerge(MemoryHost.layer(token, health)),
    Layer.provideMerge(NodeHttpClient.layerNodeHttp),
    Layer.provide(environment),
  )

export const host = hostOver(starting)

/** The typed client with the host's token. */
export const client = Effect.flatMap(AdminHost, ({ url }) => AdminClient.make({ url, token: Redacted.make(token) }))

export interface AdminResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly json: any
}

export interface AdminRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Default: the host's token. */
  readonly token?: string | undefined
}

/** Sends one raw request and reads its whole response. */
export const ask = (path: string, options: AdminRequest = {}): Effect.Effect<AdminResponse, Error, AdminHost> =>
  Effect.flatMap(AdminHost, ({ port }) =>
    Effect.callback<AdminResponse, Error>((resume) => {
      const authorization = "token" in options ? options.token : token
      const request = httpRequest(
        {
          host: "127.0.0.1",
          port,
          path,
          method: options.method ?? "GET",
          agent: false,
          headers: {
            ...(authorization === undefined ? {} : { authorization: `Bearer ${authorization}` }),
            ...(typeof options.body === "string" ? { "content-type": "application/json" } : {}),
            ...options.headers,
          },
        },
        (response) => {
          const chunks: Array<Buffer> = []
          response.on("data", (chunk: Buffer) => chunks.push(chunk))
          response.on("end", () => {
            const body = Buffer.concat(chunks).toString()
            const json = /json/.test(response.headers["content-type"] ?? "") ? JSON.parse(body) : undefined
            resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, body, json }))
          })
          response.on("error", (error) => resume(Effect.fail(error)))
        },
      )
      request.on("error", (error) => resume(Effect.fail(error)))
      request.end(options.body)
      return Effect.sync(() => request.destroy())
    }),
  )
