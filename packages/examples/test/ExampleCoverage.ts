/** Lists services and functions of the public modules that have no example in their docstring. */
import { basename, join } from "node:path"
import { Context } from "effect"
import { exampleBlocks, publicModules, root } from "./ExampleBlocks.ts"

/** Members of services that host authors call. An example in a docstring of the module must call each of them. */
const members = [
  "ConfigStore.update",
  "ConfigStore.plan",
  "ConfigStore.undo",
  "EventBus.publish",
  "EventBus.subscribe",
  "FileLock.withLock",
  "ModelRegistry.register",
  "Retention.register",
  "ServiceGraph.pin",
  "ServiceGraph.provide",
  "ServiceGraph.provideStream",
  "Setting.changes",
  "StatsLedger.record",
]

/** Modules and exports that need no example, with the reason. */
const exempt: Readonly<Record<string, string>> = {
  AdminApi: "the contract; AdminClient.make uses it",
  Authorization: "part of the contract",
  ConfigGroup: "part of the contract",
  CredentialsGroup: "part of the contract",
  EventsGroup: "part of the contract",
  HealthGroup: "part of the contract",
  ModelsGroup: "part of the contract",
  Requests: "part of the contract",
  ServicesGroup: "part of the contract",
  StatsGroup: "part of the contract",
  "AtomicFile.errorCode": "translates errors of AtomicFile",
  "AtomicFile.errorDetail": "translates errors of AtomicFile",
  "AtomicFile.isLeftover": "for stores that sweep leftovers of AtomicFile",
  "AtomicFile.isAnyTemporary": "for checks of a whole directory",
  "ChangeSummary.dotted": "part of changeSummary",
  "Cli.run": "for programs that ship the command under another name",
  "Concealment.isSecret": "part of concealer",
  "Concealment.secretsIn": "collects the input of concealer",
  "ConfigError.format": "reloadFailed shows its result",
  FileConfigSource: "Signalbox.layerFor and layerAt compose it",
  "FileLock.fromMechanism": "for implementations of FileLock",
  "JsonPointer.arrayIndex": "part of find",
  "JsonPointer.parsePointer": "in the example of pointer",
  Libc: "system calls of NodeFileLock and NodeFileExchange",
  "Narration.eventLines": "part of Narration.layer",
  "NearNames.didYouMean": "formats the result of nearNames",
  NodeSegmentStorage: "NodeStatsLedger.layerFor composes it",
  "Setting.bind": "layerFrom calls it",
  "NodeStatsLedger.layerAt": "layerFor at another path",
  StatusFile: "written by the host",
  StatusLine: "for the status line of the command",
  TokenFile: "written by the host",
  TokenText: "read by the command",
}

/** Names such as `EventBus` or `ServiceGraph.node`. */
export const missingExamples = async (): Promise<ReadonlyArray<string>> => {
  const blocks = exampleBlocks()
  const exported = await exportedNames()
  const documented = new Set(blocks.flatMap(({ file, symbol }) => (symbol === undefined ? [] : [nameOf(file, symbol)])))
  const missing = [...exported.values()].flatMap((names) =>
    names.some((name) => documented.has(name) || isExempt(name)) ? [] : names.slice(0, 1),
  )
  const uncalled = members.filter((member) => {
    const [module, name] = member.split(".")
    const ofModule = blocks.filter(({ file, symbol }) => symbol !== undefined && basename(file, ".ts") === module)
    return !ofModule.some(({ code }) => new RegExp(`\\b${name}\\b`).test(code))
  })
  const names = [...exported.values()].flat()
  const unused = Object.keys(exempt).filter(
    (name) => !names.some((other) => other === name || other.startsWith(`${name}.`)),
  )
  return [...missing, ...uncalled, ...unused.map((name) => `${name} (exempt, but not exported)`)].toSorted()
}

/** Every service and function, with the names under which the public modules export it. */
const exportedNames = async (): Promise<ReadonlyMap<unknown, ReadonlyArray<string>>> => {
  const found = new Map<unknown, Array<string>>()
  for (const file of publicModules().filter((file) => !/\/(?:testing\/.*|index|main)\.ts$/.test(file))) {
    for (const [name, value] of Object.entries(await import(join(root, file)))) {
      if (!isService(value) && !isPlainFunction(value)) continue
      found.set(value, [...(found.get(value) ?? []), nameOf(file, name)])
    }
  }
  return found
}

const nameOf = (file: string, symbol: string) => {
  const module = basename(file, ".ts")
  return symbol === module ? module : `${module}.${symbol}`
}

const isExempt = (name: string) => name in exempt || name.replace(/\..*/, "") in exempt

/** Settings are used alike, as the example of `Setting` shows. A reference needs no more than its default. */
const isService = (value: unknown) => Context.isKey(value) && !("changes" in value) && !Context.isReference(value)

/** Classes of events, errors and schemas describe themselves. */
const isPlainFunction = (value: unknown) =>
  typeof value === "function" && !Context.isKey(value) && !/^class\b/.test(String(value)) && !("ast" in value)
