/** A document that several processes write at once: numbers by name. */
import * as ConfigStore from "@signalbox/core/ConfigStore"
import { Schema } from "effect"

export const comment = "// whoever edits this finds his comment again"

const Numbers = Schema.Record(Schema.String, Schema.Int)

export class SharedConfig extends ConfigStore.Service<SharedConfig>()("test/SharedConfig", {
  schema: Schema.Struct({ counters: Numbers, values: Numbers }),
  seed: `{\n  ${comment}\n  "counters": {},\n  "values": {},\n}\n`,
}) {}
