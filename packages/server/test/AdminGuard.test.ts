import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeRefusal } from "../src/internal/Guard.ts"
import { AdminHost, ask, host } from "./AdminHost.ts"

const refused = (
  address: string,
  names: ReadonlyArray<string>,
  asked: { host?: string; origin?: string; site?: string },
) => makeRefusal(address, names)({ host: asked.host, origin: asked.origin, site: asked.site }) !== undefined

describe("the host that is asked for", () => {
  it("may be any loopback name or address, with any port", () => {
    for (const host of ["localhost", "LocalHost:1", "127.0.0.1:4747", "127.8.9.1", "[::1]:4747", "[::1]"]) {
      assert.isFalse(refused("127.0.0.1", [], { host }), host)
    }
  })

  it("may be nothing else: a name that resolves to this machine is what DNS rebinding uses", () => {
    const wrong = ["evil.example", "localhost.evil.example:4747", "127.0.0.1.evil.example", "10.0.0.1", "[::2]"]
    for (const host of [...wrong, "localhost@evil.example", "localhost/", "", "[evil]", "127.0.0.1:port"]) {
      assert.isTrue(refused("127.0.0.1", [], { host }), host)
    }
    assert.isTrue(refused("127.0.0.1", [], {}))
  })

  it("may be none in HTTP/1.0, which knows no Host, where only this machine can ask, and no page does", () => {
    const asked = { host: undefined, httpVersion: "1.0", origin: undefined, site: undefined }
    assert.isUndefined(makeRefusal("127.0.0.1", [])(asked))
    assert.isDefined(makeRefusal("0.0.0.0", [])(asked))
    assert.isDefined(makeRefusal("127.0.0.1", [])({ ...asked, httpVersion: "1.1" }))
    assert.isDefined(makeRefusal("127.0.0.1", [])({ ...asked, origin: "https://evil.example" }))
    assert.isDefined(makeRefusal("127.0.0.1", [])({ ...asked, site: "cross-site" }))
  })

  it("may be an address where the host listens on others than loopback, and a name that is listed", () => {
    for (const host of ["192.168.1.5:4747", "[fd00::1]:4747", "Desk.lan:4747", "localhost"]) {
      assert.isFalse(refused("0.0.0.0", ["desk.lan"], { host }), host)
    }
    assert.isTrue(refused("0.0.0.0", ["desk.lan"], { host: "evil.example" }))
    assert.isFalse(refused("desk.lan", [], { host: "desk.lan:4747" }))
  })
})

describe("the page that asks", () => {
  it("is one of the same origin or none", () => {
    const from = (origin: string) => refused("127.0.0.1", [], { host: "localhost:4747", origin })
    assert.isFalse(from("http://localhost:4747"))
    for (const origin of ["http://localhost:3000", "http://127.0.0.1:4747", "https://evil.example", "null", ""]) {
      assert.isTrue(from(origin), origin)
    }
  })

  it("is none of another site", () => {
    const site = (site: string) => refused("127.0.0.1", [], { host: "localhost", site })
    assert.isTrue(site("cross-site"))
    for (const other of ["same-origin", "same-site", "none"]) assert.isFalse(site(other))
  })
})

it.live("a refusal is 403 for every path, with the right token too, without headers that allow anything", () =>
  Effect.gen(function* () {
    const { port } = yield* AdminHost
    const wrong = [
      { host: "evil.example" },
      { host: `evil.example:${port}` },
      { origin: "https://evil.example" },
      { "sec-fetch-site": "cross-site" },
    ]
    for (const headers of wrong) {
      for (const path of ["/api/config", "/healthz", "/docs", "/api/events", "/v1/models", "/nothing"]) {
        const answer = yield* ask(path, { headers: { ...headers } as Record<string, string> })
        assert.deepStrictEqual([answer.status, answer.json?.type], [403, "urn:signalbox:problem:forbidden"])
        assert.isUndefined(answer.headers["access-control-allow-origin"])
      }
    }
    const own = { origin: `http://localhost:${port}`, host: `localhost:${port}`, "sec-fetch-site": "same-origin" }
    assert.strictEqual((yield* ask("/api/config", { headers: own })).status, 200)
    // RFC 9112: the authority of the target counts, whatever Host says.
    assert.strictEqual((yield* ask(`http://evil.example/api/config`)).status, 403)
  }).pipe(Effect.provide(host)),
)

it.live("of a request as it comes: HTTP/1.0 needs no Host, and two of them are one too many", () =>
  Effect.gen(function* () {
    assert.match(yield* raw("GET /healthz HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 200 /)
    const two = yield* raw(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\nhost: evil.example\r\nConnection: close\r\n\r\n",
    )
    assert.match(two, /^HTTP\/1\.1 400 /)
    assert.include(two, "several Host headers")
  }).pipe(Effect.provide(host)),
)

/** What the host answers to these bytes, until it closes. */
const raw = (text: string) =>
  Effect.flatMap(AdminHost, ({ port }) =>
    Effect.callback<string>((resume) => {
      let said = ""
      const socket = connect(port, "127.0.0.1").setEncoding("utf8")
      socket.on("data", (part: string) => {
        said += part
      })
      socket.on("error", () => {})
      socket.once("close", () => resume(Effect.succeed(said)))
      socket.write(text)
      return Effect.sync(() => socket.destroy())
    }),
  )
