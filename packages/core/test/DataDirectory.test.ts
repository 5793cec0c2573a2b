import { assert, describe, it } from "@effect/vitest"
import { dataDirectory } from "@signalbox/core/DataDirectory"
import { ConfigProvider, Effect, Path } from "effect"

const cases = [
  { environment: { XDG_DATA_HOME: "/data", HOME: "/home/ada" }, expected: "/data/signalbox" },
  { environment: { XDG_DATA_HOME: "/data//x/../y/", HOME: "/home/ada" }, expected: "/data/y/signalbox" },
  { environment: { XDG_DATA_HOME: "relative", HOME: "/home/ada" }, expected: "/home/ada/.local/share/signalbox" },
  { environment: { XDG_DATA_HOME: "", HOME: "/home/ada/" }, expected: "/home/ada/.local/share/signalbox" },
  { environment: { HOME: "/Users/ada" }, expected: "/Users/ada/.local/share/signalbox" },
  { environment: { HOME: "/", APPDATA: "/elsewhere" }, expected: "/.local/share/signalbox" },
  { environment: { HOME: "" }, expected: undefined },
  { environment: { HOME: "relative", XDG_DATA_HOME: "too" }, expected: undefined },
  { environment: {}, expected: undefined },
]

describe("dataDirectory", () => {
  for (const { environment, expected } of cases) {
    it.effect(`is ${expected ?? "an error"} where the environment is ${JSON.stringify(environment)}`, () =>
      Effect.gen(function* () {
        const found = yield* Effect.result(dataDirectory("signalbox"))
        if (expected === undefined) {
          assert.strictEqual(found._tag, "Failure")
          return
        }
        assert.deepInclude(found, { _tag: "Success", success: expected })
      }).pipe(Effect.provide([Path.layer, ConfigProvider.layer(ConfigProvider.fromEnv({ env: environment }))])),
    )
  }
})
