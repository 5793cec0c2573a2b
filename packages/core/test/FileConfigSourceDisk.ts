import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as FileConfigSource from "@signalbox/core/FileConfigSource"
import { FileLock } from "@signalbox/core/FileLock"
import { ForeignEditor } from "@signalbox/core/testing/ConfigSourceSuite"
import { type Operation, type Options, SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { Effect, type FileSystem, Layer, Logger, Path } from "effect"
import { Digest } from "effect/crypto"

export const file = "/home/signalbox/config.json"
export const directory = "/home/signalbox"
export const needs = Layer.mergeAll(Path.layer, Digest.layerWebCrypto, FileLock.layerMemory)

/** A program as it starts on the disk: its own FileSystem, its own lock. */
export const life = (path = file) =>
  Layer.unwrap(
    Effect.map(SimulatedDisk, (disk) =>
      Layer.fresh(FileConfigSource.layerAt(path)).pipe(Layer.provide([Layer.fresh(needs), disk.process])),
    ),
  )
export const onDisk =
  (options?: Options) =>
  <A, E>(effect: Effect.Effect<A, E, SimulatedDisk | FileSystem.FileSystem>): Effect.Effect<A, E> =>
    Effect.provide(effect, Layer.merge(SimulatedDisk.layerWith(options), Logger.layer([])))

export const started = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, life())
export const foreign = <A>(f: (fs: FileSystem.FileSystem) => Effect.Effect<A, unknown>) =>
  Effect.flatMap(SimulatedDisk, (disk) => Effect.orDie(f(disk.foreign)))
export const content = foreign((fs) => fs.readFileString(file))
/** The files beside the document and in the history that are not documents. */
export const litter = foreign((fs) =>
  Effect.map(fs.readDirectory(directory, { recursive: true }), (names) =>
    names.filter(
      (name) =>
        name !== "config.json" &&
        name !== "history" &&
        !/^history\/\d{15}-[0-9a-f]{64}(?:~(?:[0-9a-f]{16}|refused|overwritten))?-config.json$/.test(name),
    ),
  ),
)
export const write = (text: string, ifHash: string) => ConfigSource.use((source) => source.write(text, ifHash))
export const seeded = started(ConfigSource.use((source) => source.seed("old")))

export const editor = Layer.effect(
  ForeignEditor,
  Effect.map(SimulatedDisk, ({ foreign }) => {
    const text = Effect.orElseSucceed(foreign.readFileString(file), () => undefined)
    const save = (text: string | undefined) =>
      text === undefined ? foreign.remove(file) : foreign.writeFileString(file, text)
    return ForeignEditor.of({ text, save: (text) => Effect.orDie(save(text)) })
  }),
)
export const find =
  (name: string, about: (operation: Operation) => boolean = () => true) =>
  (operation: Operation) =>
    operation.name === name && about(operation)
export const temporary = ({ path }: Operation) => path.endsWith(".new")
