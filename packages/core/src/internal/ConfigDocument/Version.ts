/** The document's version and the way from an older one to the current one. */
import { absent, adopt, findFaults, isObject, member, type PlainObject, put } from "../Json.ts"
import { type Findings, kindOf } from "./Problems.ts"

/** 1 where nothing is said; nothing (and a finding) where what is said cannot be followed. */
export const versionOf = (document: PlainObject, current: number, findings: Findings): number | undefined => {
  const said = member(document, "version")
  const refuse = (message: string): undefined => findings.add({ by: "schema", path: ["version"], message, at: "value" })
  if (said === absent) return 1
  if (typeof said !== "number" || !Number.isInteger(said) || said < 1) {
    return refuse(`must be a whole number from 1 to ${current}, not ${kindOf(said)}`)
  }
  if (said > current) {
    return refuse(
      `this document was written by a newer version of the program (this one reads up to version ${current}): update the program; it is not downgraded`,
    )
  }
  return said
}

/** Runs the migrations from version `from` on; the result shares with `before`. They get copies, so that one that writes into its input does no harm. */
export const migrate = (
  document: PlainObject,
  migrations: ReadonlyArray<(document: never) => unknown>,
  from: number,
  before: unknown,
  findings: Findings,
): PlainObject | undefined => {
  let value: PlainObject = document
  for (let version = from; version <= migrations.length; version++) {
    const name = `the migration from version ${version} to ${version + 1}`
    const refuse = (message: string): undefined => findings.add({ by: "schema", path: [], message, at: "value" })
    let next: unknown
    try {
      const migration = migrations[version - 1]! as (document: unknown) => unknown
      next = migration(JSON.parse(JSON.stringify(value)))
      next = JSON.parse(JSON.stringify(next))
    } catch {
      return refuse(`${name} fails on this document: correct the document, or repair the migration`)
    }
    if (!isObject(next) || findFaults(next, 1).length > 0) {
      return refuse(`${name} makes something that is not a JSON object: repair the migration`)
    }
    value = withVersion(next, version + 1)
  }
  return adopt(value, before, 0, { faulty: false }) as PlainObject
}

const withVersion = (document: PlainObject, version: number): PlainObject => {
  const result: Record<string, unknown> = Object.hasOwn(document, "version") ? {} : { version }
  for (const key of Object.keys(document)) put(result, key, key === "version" ? version : document[key])
  return result
}
