import { connect } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeRefusal } from "../src/internal/Guard.ts"
import { adminEndpoints } from "./AdminEndpoints.ts"
import { AdminHost, ask, host } from "./AdminHost.ts"

const isRefused = (
  address: string,
  names: ReadonlyArray<string>,
  request: { host?: string; origin?: string; site?: string },
) => makeRefusal(address, names)({ host: request.host, origin: request.origin, site: request.site }) !== undefined

it("accepts any loopback name or address as Host, with any port", () => {
  for (const host of ["localhost", "LocalHost:1", "127.0.0.1:4747", "127.8.9.1", "[::1]:4747", "[::1]"]) {
    assert.isFalse(isRefused("127.0.0.1", [], { host }), host)
  }
})

it("refuses any other Host on a loopback address, because DNS rebinding uses a name that resolves to this machine", () => {
  const wrong = ["evil.example", "localhost.evil.example:4747", "127.0.0.1.evil.example", "10.0.0.1", "[::2]"]
  for (const host of [...wrong, "localhost@evil.example", "localhost/", "", "[evil]", "127.0.0.1:port"]) {
    assert.isTrue(isRefused("127.0.0.1", [], { host }), host)
  }
  assert.isTrue(isRefused("127.0.0.1", [], {}))
})

it("accepts HTTP/1.0 without Host on a loopback address, unless a page sends the request", () => {
  const request = { host: undefined, httpVersion: "1.0", origin: undefined, site: undefined }
  assert.isUndefined(makeRefusal("127.0.0.1", [])(request))
  assert.isDefined(makeRefusal("0.0.0.0", [])(request))
  assert.isDefined(makeRefusal("127.0.0.1", [])({ ...request, httpVersion: "1.1" }))
  assert.isDefined(makeRefusal("127.0.0.1", [])({ ...request, origin: "https://evil.example" }))
  assert.isDefined(makeRefusal("127.0.0.1", [])({ ...request, site: "cross-site" }))
})

it("accepts any address as Host beyond loopback, and the names that the document lists", () => {
  for (const host of ["192.168.1.5:4747", "[fd00::1]:4747", "Desk.lan:4747", "localhost"]) {
    assert.isFalse(isRefused("0.0.0.0", ["desk.lan"], { host }), host)
  }
  assert.isTrue(isRefused("0.0.0.0", ["desk.lan"], { host: "evil.example" }))
  assert.isFalse(isRefused("desk.lan", [], { host: "desk.lan:4747" }))
})

it("accepts requests of pages from the same origin only", () => {
  const from = (origin: string) => isRefused("127.0.0.1", [], { host: "localhost:4747", origin })
  assert.isFalse(from("http://localhost:4747"))
  for (const origin of ["http://localhost:3000", "http://127.0.0.1:4747", "https://evil.example", "null", ""]) {
    assert.isTrue(from(origin), origin)
  }
})

it("refuses requests of pages from another site", () => {
  const site = (site: string) => isRefused("127.0.0.1", [], { host: "localhost", site })
  assert.isTrue(site("cross-site"))
  for (const other of ["same-origin", "same-site", "none"]) assert.isFalse(site(other))
})

it.live(
  "refuses foreign requests with 403 on every endpoint and path, with a valid token too, without CORS headers",
  () =>
    Effect.gen(function* () {
      const { port } = yield* AdminHost
      const wrong = [
        { host: "evil.example" },
        { host: `evil.example:${port}` },
        { origin: "https://evil.example" },
        { "sec-fetch-site": "cross-site" },
      ]
      const others = ["/docs", "/v1/models", "/nothing"].map((path) => ({ method: "GET", path }))
      for (const { method, path } of [...adminEndpoints, ...others]) {
        for (const headers of wrong) {
          const response = yield* ask(path, { method, headers: { ...headers } as Record<string, string> })
          assert.deepStrictEqual([response.status, response.json?.type], [403, "urn:signalbox:problem:forbidden"], path)
          assert.isUndefined(response.headers["access-control-allow-origin"])
        }
      }
      const own = { origin: `http://localhost:${port}`, host: `localhost:${port}`, "sec-fetch-site": "same-origin" }
      assert.strictEqual((yield* ask("/api/config", { headers: own })).status, 200)
      // The authority of the target takes precedence over Host (RFC 9112, 3.2.2).
      assert.strictEqual((yield* ask(`http://evil.example/api/config`)).status, 403)
    }).pipe(Effect.provide(host)),
)

it.live("accepts HTTP/1.0 without Host and refuses two Host headers, on a real connection", () =>
  Effect.gen(function* () {
    assert.match(yield* raw("GET /healthz HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 200 /)
    const two = yield* raw(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\nhost: evil.example\r\nConnection: close\r\n\r\n",
    )
    assert.match(two, /^HTTP\/1\.1 400 /)
    assert.include(two, "several Host headers")
  }).pipe(Effect.provide(host)),
)

/** Sends these bytes and returns everything the host sends until it closes the connection. */
const raw = (text: string) =>
  Effect.flatMap(AdminHost, ({ port }) =>
    Effect.callback<string>((resume) => {
      let received = ""
      const socket = connect(port, "127.0.0.1").setEncoding("utf8")
      socket.on("data", (part: string) => {
        received += part
      })
      socket.on("error", () => {})
      socket.once("close", () => resume(Effect.succeed(received)))
      socket.write(text)
      return Effect.sync(() => socket.destroy())
    }),
  )
