/** What is taken for a plain `serve`; all else must be effect/cli's, which is tested with the command as a process. */
import { assert, describe, it } from "@effect/vitest"
import { plainServe } from "../src/internal/PlainServe.ts"

const environment = { XDG_DATA_HOME: "/data" }
const flagsOf = (line: string) => {
  const found = plainServe(line.split(" "), environment)
  return found && { config: found.place.config, port: found.port, strict: found.strict, logFormat: found.logFormat }
}
const usual = {
  config: "/data/signalbox/config.json",
  port: undefined as number | undefined,
  strict: false,
  logFormat: "text" as "text" | "json",
}

describe("plainServe", () => {
  it("reads serve and its flags, in every spelling that effect/cli knows of them", () => {
    assert.deepStrictEqual(flagsOf("serve"), usual)
    assert.deepStrictEqual(flagsOf("serve --port 4000 --strict"), { ...usual, port: 4000, strict: true })
    assert.deepStrictEqual(flagsOf("serve --port=0 --log-format=json"), { ...usual, port: 0, logFormat: "json" })
    assert.deepStrictEqual(flagsOf("--config /etc/s.json serve"), { ...usual, config: "/etc/s.json" })
    assert.deepStrictEqual(flagsOf("serve --strict --config=/etc/s.json"), {
      ...usual,
      config: "/etc/s.json",
      strict: true,
    })
  })

  it("leaves to effect/cli whatever is not plain, or is wrong", () => {
    const others = [
      "models",
      "--help",
      "serve --help",
      "serve -h",
      "serve --json",
      "serve --verbose",
      "serve --completions bash",
      "serve serve",
      "serve models",
      "serve -- --strict",
      "serve --port",
      "serve --port abc",
      "serve --port -1",
      "serve --port 65536",
      "serve --port 1e3",
      "serve --port 1 --port 2",
      "serve --strict --strict",
      "serve --strict=true",
      "serve --no-strict",
      "serve --log-format xml",
      "serve --config",
      "serve --config=",
      "serve --prot 1",
      "--port 0 serve",
      "--strict serve",
      "config get serve",
      "keys add serve",
    ]
    assert.deepStrictEqual(
      others.filter((line) => flagsOf(line) !== undefined),
      [],
    )
    // Where neither says which document is meant.
    assert.isUndefined(plainServe(["serve"], {}))
  })

  it("takes the document of the environment, and a relative one from here", () => {
    assert.strictEqual(plainServe(["serve"], { SIGNALBOX_CONFIG: "/e/c.json" })?.place.config, "/e/c.json")
    assert.strictEqual(flagsOf("serve --config c.json")?.config, `${process.cwd()}/c.json`)
  })
})
