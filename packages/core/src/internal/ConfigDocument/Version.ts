/** The version of a document, and the migrations from an older version to the current one. */
import { absent, findFaults, isObject, member, type PlainObject } from "../Json.ts"
import { adopt } from "../StructuralSharing.ts"
import { kindOf, type ProblemList } from "./Problems.ts"
import type { Migration } from "./Types.ts"

/** 1 where the document has none; `undefined`, and a problem, where this program cannot read it. */
export const versionOf = (document: PlainObject, current: number, problems: ProblemList): number | undefined => {
  const version = member(document, "version")
  const refuse = (message: string): undefined => problems.add({ by: "schema", path: ["version"], message, at: "value" })
  if (version === absent) return 1
  if (typeof version !== "number" || !Number.isInteger(version) || version < 1) {
    return refuse(
      `must be a whole number from 1 to ${current}${typeof version === "number" ? "" : `, not ${kindOf(version)}`}`,
    )
  }
  if (version > current) {
    return refuse(
      `this document was written by a newer version of the program (this one reads up to version ${current}): update the program; it is not downgraded`,
    )
  }
  return version
}

/**
 * Runs the migrations from version `from` on; the result shares with `before`. Each migration gets a copy, so that one that writes into its
 * input does no harm.
 */
export const migrate = (
  document: PlainObject,
  migrations: ReadonlyArray<Migration>,
  from: number,
  before: unknown,
  problems: ProblemList,
): PlainObject | undefined => {
  let value: PlainObject = document
  for (let version = from; version <= migrations.length; version++) {
    const name = `the migration from version ${version} to ${version + 1}`
    const refuse = (message: string): undefined => problems.add({ by: "schema", path: [], message, at: "value" })
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
    const current = { version: version + 1 }
    // The key keeps its place, or comes first where it is new.
    value = { ...current, ...next, ...current }
  }
  return adopt(before, value, { isFaulty: false }) as PlainObject
}
