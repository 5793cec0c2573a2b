/**
 * The file that a host writes for status lines: the calls of the window by model and time bucket. A reader drops the buckets that have left the window
 * since, so the numbers stay correct however old the file is. This module does not import effect, because a status line starts every few seconds.
 */
import { closeSync, constants, fstatSync, readSync } from "node:fs"
import { dirname, join } from "node:path"
import { openPrivate } from "@signalbox/node/PrivateFile"
import { readHostNote } from "../HostNote.ts"

export interface Status {
  /** Milliseconds since 1970. */
  readonly writtenAt: number
  /** 1 to 1440. */
  readonly windowMinutes: number
  /** The length of a bucket: 10,000 or 60,000. */
  readonly bucketMillis: number
  /** At most `maxModels`, the models with the most calls. */
  readonly models: ReadonlyArray<StatusModel>
  /** The latest request in flight. */
  readonly running?: Running
}

export interface StatusModel {
  readonly provider: string
  /** The alias. */
  readonly model: string
  /** The newest last. */
  readonly buckets: ReadonlyArray<Bucket>
}

/** Number (start divided by length), calls, bytes sent, bytes received. */
export type Bucket = readonly [number: number, requests: number, sent: number, received: number]

export interface Running {
  readonly provider: string
  readonly model: string
}

/** Models by name. The calls of all others are summed under `otherModels`. */
export const maxModels = 16
export const otherModels = "(other)"
/** More than a file with `maxModels` and a whole day needs. */
const maxBytes = 2 * 1024 * 1024
/** In UTF-16 units, as in the ledger. */
const maxName = 256

export const encodeStatus = ({ bucketMillis, models, running, windowMinutes, writtenAt }: Status): string =>
  `${JSON.stringify({
    version: 1,
    written_at: writtenAt,
    window_minutes: windowMinutes,
    bucket_millis: bucketMillis,
    models,
    running,
  })}\n`

/**
 * Reads the file of a host. Returns `undefined` for anything else: no file, no permission, torn or foreign text. A request ended with its host, if none
 * holds the lock beside the file.
 */
export const readStatus = (path: string): Status | undefined => {
  const text = read(path)
  const status = text === undefined ? undefined : parseStatus(text)
  if (status?.running === undefined || readHostNote(join(dirname(path), "host.lock")) !== undefined) return status
  const { running: _, ...idle } = status
  return idle
}

export const parseStatus = (text: string): Status | undefined => {
  try {
    return statusOf(JSON.parse(text))
  } catch {
    return undefined
  }
}

const read = (path: string): string | undefined => {
  try {
    const fd = openPrivate(path, constants.O_RDONLY)
    try {
      const { size } = fstatSync(fd)
      if (size > maxBytes) return undefined
      const bytes = Buffer.allocUnsafe(size)
      return bytes.toString("utf8", 0, readSync(fd, bytes, 0, size, 0))
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}

/** Checks every member, because terminals show them. */
const statusOf = (value: unknown): Status | undefined => {
  if (!isRecord(value) || value["version"] !== 1) return undefined
  const { bucket_millis: bucketMillis, models, running, window_minutes: windowMinutes, written_at: writtenAt } = value
  if (!isCount(writtenAt) || !isCount(windowMinutes) || !isCount(bucketMillis) || !Array.isArray(models))
    return undefined
  if (windowMinutes < 1 || windowMinutes > 1440 || bucketMillis < 1_000 || models.length > maxModels + 1)
    return undefined
  const found = models.map(modelOf)
  if (found.some((model) => model === undefined)) return undefined
  const request = runningOf(running)
  return {
    writtenAt,
    windowMinutes,
    bucketMillis,
    models: found.filter((model) => model !== undefined),
    ...(request === undefined ? {} : { running: request }),
  }
}

const modelOf = (value: unknown): StatusModel | undefined => {
  if (!isRecord(value)) return undefined
  const { buckets, model, provider } = value
  return isName(provider) && isName(model) && Array.isArray(buckets) && buckets.every(isBucket)
    ? { provider, model, buckets }
    : undefined
}

const runningOf = (value: unknown): Running | undefined => {
  if (!isRecord(value)) return undefined
  const { model, provider } = value
  return isName(provider) && isName(model) ? { provider, model } : undefined
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isBucket = (value: unknown): value is Bucket => Array.isArray(value) && value.length === 4 && value.every(isCount)

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isName = (value: unknown): value is string => typeof value === "string" && value.length <= maxName
