/** A document in a temporary directory and the platform of the file source, for tests on real files. */
import * as NodePath from "@effect/platform-node/NodePath"
import * as FileConfigSource from "@signalbox/core/FileConfigSource"
import { ForeignEditor } from "@signalbox/core/testing/ConfigSourceSuite"
import * as NodeDigest from "@signalbox/node/NodeDigest"
import * as NodeFileLock from "@signalbox/node/NodeFileLock"
import { Context, Effect, FileSystem, Layer, Logger } from "effect"
import * as LocalFileSystem from "../src/internal/LocalFileSystem.ts"

/** A directory for the document, with its own parent directory. */
export class DocumentFile extends Context.Service<
  DocumentFile,
  { readonly directory: string; readonly file: string }
>()("test/DocumentFile") {
  static readonly layer = Layer.effect(
    DocumentFile,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = `${yield* fs.makeTempDirectoryScoped({ prefix: "signalbox-" })}/config`
      yield* fs.makeDirectory(directory, { mode: 0o700 })
      return { directory, file: `${directory}/config.json` }
    }),
  )
}
export const platform = Layer.mergeAll(
  LocalFileSystem.layer,
  NodePath.layer,
  NodeFileLock.layer,
  NodeDigest.layer,
  Logger.layer([]),
)
export const source = Layer.unwrap(Effect.map(DocumentFile, ({ file }) => FileConfigSource.layerAt(file)))
export const editor = Layer.effect(
  ForeignEditor,
  Effect.gen(function* () {
    const { file } = yield* DocumentFile
    const fs = yield* FileSystem.FileSystem
    const save = (text: string | undefined) => (text === undefined ? fs.remove(file) : fs.writeFileString(file, text))
    return ForeignEditor.of({
      text: Effect.orElseSucceed(fs.readFileString(file), () => undefined),
      save: (text) => Effect.orDie(save(text)),
    })
  }),
)

export const onFiles = Layer.mergeAll(source, editor).pipe(
  Layer.provideMerge(DocumentFile.layer),
  Layer.provideMerge(platform),
)
