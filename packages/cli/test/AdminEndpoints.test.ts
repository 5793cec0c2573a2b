/** The table of endpoints that commands call agrees with the contract of the admin API. */
import { assert, it } from "@effect/vitest"
import { AdminApi } from "@signalbox/api/AdminApi"
import { HttpApi } from "effect/http-api"
import { endpoints } from "../src/internal/AdminEndpoints.ts"

/** The members of a success schema, which may be wrapped together with response headers. */
const membersOf = (schema: object): ReadonlyArray<string> => {
  if ("fields" in schema) return Object.keys(Object(schema.fields))
  return "schema" in schema ? membersOf(Object(schema.schema)) : []
}

it("lists each endpoint with the method, path and response members of the contract", () => {
  const contract = new Map<string, readonly [route: string, members: ReadonlyArray<string>]>()
  HttpApi.reflect(AdminApi, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, group, successes }) => {
      const members = [...successes.values()].flat().flatMap(membersOf)
      contract.set(`${group.identifier}.${endpoint.identifier}`, [`${endpoint.method} ${endpoint.path}`, members])
    },
  })
  for (const { members, method, name, path } of Object.values(endpoints)) {
    const [route, known = []] = contract.get(name) ?? []
    assert.strictEqual(route, `${method} ${path}`, name)
    // The contract has no schema for a JSON Schema.
    if (name !== "config.schema") assert.includeMembers([...known], [...members], name)
  }
})
