import { assert, it } from "@effect/vitest"
import { AdminApi } from "@signalbox/api/AdminApi"
import { OpenApi } from "effect/http-api"

const contract: any = OpenApi.fromApi(AdminApi)
const operations = Object.entries(contract.paths).flatMap(([path, methods]) =>
  Object.entries(methods as object).map(([method, operation]) => ({ path, method, operation })),
)

it("requires the token for every endpoint except health", () => {
  for (const { operation, path } of operations) {
    const open = path === "/healthz" || path === "/readyz"
    assert.strictEqual(operation.security?.length > 0, !open, path)
    assert.strictEqual("401" in operation.responses, !open, path)
  }
})

it("declares problem details for every error", () => {
  for (const { operation, path } of operations) {
    for (const [status, response] of Object.entries<any>(operation.responses)) {
      if (Number(status) < 400 || (path === "/readyz" && status === "503")) continue
      assert.deepStrictEqual(Object.keys(response.content), ["application/problem+json"], `${path} ${status}`)
    }
  }
})

it("accepts If-Match and returns an ETag for every write of the configuration", () => {
  const writes = operations.filter(({ method, path }) => /^\/api\/config(?:\/value)?$/.test(path) && method !== "get")
  assert.lengthOf(writes, 4)
  for (const { operation } of writes) {
    assert.isTrue(operation.parameters.some(({ in: place, name }: any) => place === "header" && name === "if-match"))
    assert.property(operation.responses["200"].headers, "etag")
  }
})
