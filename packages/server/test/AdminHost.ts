/** A host for the tests of its admin API: over a real socket, with the document in memory. */
import { createServer, request as httpRequest, type IncomingHttpHeaders } from "node:http"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as AdminClient from "@signalbox/api/AdminClient"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import { ModelRegistry } from "@signalbox/core/ModelRegistry"
import { Models } from "@signalbox/core/Models"
import { Providers } from "@signalbox/core/Providers"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { StatsLedger } from "@signalbox/core/StatsLedger"
import * as Admin from "@signalbox/server/Admin"
import { HostHealth } from "@signalbox/server/Host/Health"
import { HostConfig, settings } from "@signalbox/server/HostConfig"
import { ConfigProvider, Context, Effect, Layer, Redacted } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServer, serveEffect } from "effect/http/HttpServer"

export const token = "test-token-0123456789"
/** Stands in the document; no answer may hold it. */
export const secret = "sk-THIS-IS-THE-SECRET-42"

/** Where the host is, and everything that it has ever answered. */
export class AdminHost extends Context.Service<AdminHost, { readonly port: number; readonly url: string }>()(
  "test/AdminHost",
) {}

const core = Layer.mergeAll(
  ModelRegistry.layer,
  Providers.layer,
  StatsLedger.layerMemory,
  Credentials.layerMemory,
).pipe(
  Layer.provideMerge(settings),
  Layer.provideMerge(HostConfig.layer),
  Layer.provideMerge(ConfigSource.layerMemory),
  Layer.provideMerge(Reconciler.layer),
  Layer.provideMerge(EventBus.layer),
  Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { SIGNALBOX_STATS_WINDOW_MINUTES: "30" } }))),
)

export class Services extends ServiceGraph.Service<Services>()("test/Services", { nodes: [Models.node] }) {}

/** What the host's own one says, without a socket of its own. */
const starting = HostHealth.of({
  health: Effect.succeed({ status: "ok", version: "0.0.0", pid: 1 }),
  ready: Effect.succeed(false),
  degraded: Effect.succeed(["it starts"]),
})

const adminOver = (health: HostHealth["Service"]) =>
  Layer.effectDiscard(
    Effect.flatMap(HttpRouter.toHttpEffect(Layer.mergeAll(Admin.Guard.layer, Admin.layer(Services))), (app) =>
      serveEffect(app),
    ),
  ).pipe(
    Layer.provide(Layer.succeed(HostHealth, health)),
    Layer.provideMerge(Services.layer),
    Layer.provide(Admin.AdminToken.layer(Redacted.make(token))),
  )

const server = NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })

const address = Layer.effect(
  AdminHost,
  Effect.map(HttpServer, ({ address }) => {
    const port = address._tag === "UnixPathAddress" ? 0 : address.port
    return AdminHost.of({ port, url: `http://127.0.0.1:${port}` })
  }),
)

export const hostOver = (health: HostHealth["Service"]) =>
  Layer.mergeAll(adminOver(health), address).pipe(
    Layer.provideMerge(core),
    Layer.provideMerge(server),
    Layer.provideMerge(NodeHttpClient.layerNodeHttp),
  )

export const host = hostOver(starting)

/** As the host's owner calls it. */
export const client = Effect.flatMap(AdminHost, ({ url }) => AdminClient.make({ url, token: Redacted.make(token) }))

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly json: any
}

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Default: with the token. */
  readonly token?: string | undefined
}

/** One raw request, to the end of its answer. */
export const ask = (path: string, asked: Asked = {}): Effect.Effect<Answer, Error, AdminHost> =>
  Effect.flatMap(AdminHost, ({ port }) =>
    Effect.callback<Answer, Error>((resume) => {
      const authorization = "token" in asked ? asked.token : token
      const request = httpRequest(
        {
          host: "127.0.0.1",
          port,
          path,
          method: asked.method ?? "GET",
          agent: false,
          headers: {
            ...(authorization === undefined ? {} : { authorization: `Bearer ${authorization}` }),
            ...(typeof asked.body === "string" ? { "content-type": "application/json" } : {}),
            ...asked.headers,
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
      request.end(asked.body)
      return Effect.sync(() => request.destroy())
    }),
  )
