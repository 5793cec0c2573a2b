/**
 * The code V8 has made of script files, kept in one file between runs. Whatever is wrong with that file costs time only: a checksum guards
 * the whole, a second one each source, and V8 itself refuses what another version of it or other flags have made.
 *
 * The file: CRC-32 of the rest, length of the index, the index as JSON, the codes. Numbers are 32 bits, little endian.
 */
import { isAscii } from "node:buffer"
import { readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from "node:fs"
import { basename, dirname } from "node:path"
import { constants, Script } from "node:vm"
import { crc32 } from "node:zlib"

interface Code {
  /** CRC-32 of the source. V8 compares its length only. */
  readonly source: number
  readonly code: Buffer
}

export class CodeCache {
  readonly #path: string | undefined
  readonly #kept: Map<string, Code>
  readonly #scripts = new Map<string, { readonly source: number; readonly script: Script }>()
  #isComplete = true

  /** `undefined` keeps nothing. */
  constructor(path: string | undefined) {
    this.#path = path
    this.#kept = path === undefined ? new Map() : read(path)
  }

  /** What the expression in a file gives, compiled or as it is kept. Throws as reading and compiling do. */
  evaluate(file: string): unknown {
    const bytes = readFileSync(file)
    const source = crc32(bytes)
    const kept = this.#kept.get(basename(file))
    const script = new Script(textOf(bytes), {
      filename: file,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      ...(kept?.source === source ? { cachedData: kept.code } : {}),
    })
    if (script.cachedDataRejected !== false) this.#isComplete = false
    this.#scripts.set(basename(file), { source, script })
    return script.runInThisContext()
  }

  /** Keeps what is compiled by now, once, if there was something that was not kept. It never throws. */
  save(): void {
    if (this.#path === undefined || this.#isComplete) return
    this.#isComplete = true
    // Two that write at once may spoil it; the checksum says so, and the next run writes it again.
    const beside = `${this.#path}.new`
    try {
      for (const [name, { script, source }] of this.#scripts)
        this.#kept.set(name, { source, code: script.createCachedData() })
      if (!hasRoom(dirname(beside))) return
      writeFileSync(beside, written(this.#kept), { mode: 0o600 })
      renameSync(beside, this.#path)
    } catch {
      // No right, no room: nothing that this command is about, and it must not take the room of others.
      removed(beside)
    }
  }
}

/** Where it can be. */
const removed = (path: string): void => {
  try {
    rmSync(path, { force: true })
  } catch {
    // It stands where nothing can be removed, or is a directory of somebody else's.
  }
}

/** Node leaves a large text outside of V8's heap if it is told that a byte is a letter. It saves a collection while a host starts. */
const textOf = (bytes: Buffer): string => bytes.toString(isAscii(bytes) ? "latin1" : "utf8")

/** On a disk with less, others need the room more: 64 MiB. */
const ROOM_BYTES = 64 * 1024 * 1024

const hasRoom = (directory: string): boolean => {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize >= ROOM_BYTES
}

type Index = Record<string, readonly [source: number, length: number]>

const HEAD = 8

const written = (codes: ReadonlyMap<string, Code>): Buffer => {
  const index: Index = Object.fromEntries(
    Array.from(codes, ([name, { code, source }]) => [name, [source, code.length]]),
  )
  const json = Buffer.from(JSON.stringify(index))
  const all = Buffer.concat([Buffer.alloc(HEAD), json, ...Array.from(codes.values(), ({ code }) => code)])
  all.writeUInt32LE(json.length, 4)
  all.writeUInt32LE(crc32(all.subarray(4)), 0)
  return all
}

const read = (path: string): Map<string, Code> => {
  const codes = new Map<string, Code>()
  try {
    const all = readFileSync(path)
    if (all.readUInt32LE(0) !== crc32(all.subarray(4))) return codes
    let at = HEAD + all.readUInt32LE(4)
    const index: Index = JSON.parse(all.toString("utf8", HEAD, at))
    for (const [name, [source, length]] of Object.entries(index)) {
      codes.set(name, { source, code: all.subarray(at, at + length) })
      at += length
    }
  } catch {
    // None, or not one of ours.
  }
  return codes
}
