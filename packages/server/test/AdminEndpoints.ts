/** All endpoints of the admin API, read from its contract, so that tests cover new endpoints by themselves. */
import { AdminApi } from "@signalbox/api/AdminApi"
import { Authorization } from "@signalbox/api/Authorization"
import { HttpApi } from "effect/http-api"

export interface AdminEndpoint {
  /** `group.endpoint`, as the typed client names it. */
  readonly id: string
  readonly method: string
  /** With `x` for every path parameter. */
  readonly path: string
  readonly needsToken: boolean
}

export const adminEndpoints: ReadonlyArray<AdminEndpoint> = (() => {
  const found: Array<AdminEndpoint> = []
  HttpApi.reflect(AdminApi, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, group, middleware }) =>
      found.push({
        id: `${group.identifier}.${endpoint.identifier}`,
        method: endpoint.method,
        path: endpoint.path.replaceAll(/:\w+/g, "x"),
        needsToken: [...middleware].some(({ key }) => key === Authorization.key),
      }),
  })
  return found
})()
