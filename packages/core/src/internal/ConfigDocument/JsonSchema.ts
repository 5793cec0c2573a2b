/**
 * JSON Schema (draft 2020-12) of a document, for editors and for programs that write one. Secrets are strings, and keys with a default are
 * optional. A document that fits it may still be refused, because JSON Schema cannot express every check.
 */
import { Schema, SchemaAST } from "effect"
import { parsePointer } from "../../JsonPointer.ts"
import { isObject, type PlainObject } from "../Json.ts"
import type { Shapes, View } from "./Shape.ts"

export const jsonSchemaOf = (schema: Schema.Top, shapes: Shapes, version: number): Schema.JsonObject => {
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema)
  const described: Record<string, unknown> = {}

  /** Adds the defaults, which Schema keeps in its transformations. */
  const describe = (node: unknown, view: View): unknown =>
    isObject(node)
      ? Object.fromEntries(Object.entries(node).map(([keyword, part]) => [keyword, describePart(keyword, part, view)]))
      : node

  const describePart = (keyword: string, part: unknown, view: View): unknown => {
    if (keyword === "$ref" && typeof part === "string") define(part, view)
    if (keyword === "properties" && isObject(part)) return describeProperties(part, view)
    if (keyword === "additionalProperties") return describe(part, shapes.step(view, "*"))
    if (keyword === "items") return describe(part, shapes.step(view, "0"))
    const isUnion = ["anyOf", "oneOf", "allOf"].includes(keyword) && Array.isArray(part)
    return isUnion ? part.map((member) => describe(member, memberView(member, view))) : part
  }

  /** The shapes of one member of a union alone, where the only value of a key tells the members apart. */
  const memberView = (node: unknown, view: View): View => {
    const reference = isObject(node) ? node["$ref"] : undefined
    const member = Object(typeof reference === "string" ? definitions[nameIn(reference)] : node)
    const fitting = view.filter(({ fields }) =>
      Object.entries(Object(member.properties)).every(([key, property]) => {
        const [value, ...others] = isObject(property) && Array.isArray(property["enum"]) ? property["enum"] : []
        const field = fields.get(key)
        const type = field && SchemaAST.toEncoded(field)
        return others.length > 0 || type === undefined || !SchemaAST.isLiteral(type) || type.literal === value
      }),
    )
    return fitting.length === 0 ? view : fitting
  }

  const describeProperties = (properties: PlainObject, view: View): PlainObject =>
    Object.fromEntries(
      Object.entries(properties).map(([key, node]) => {
        const inner = describe(node, shapes.step(view, key))
        const declared = shapes.defaultAt(view, key)
        return [key, declared === undefined ? inner : { ...Object(inner), default: declared }]
      }),
    )

  /** A definition may contain itself, so it is entered before it is described. */
  const define = (reference: string, view: View): void => {
    const name = nameIn(reference)
    if (Object.hasOwn(described, name)) return
    described[name] = {}
    described[name] = describe(definitions[name], view)
  }

  const { properties, ...body } = Object(describe(root, shapes.root))
  return asJson({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...body,
    properties: { version: { type: "integer", const: version, default: version }, ...properties },
    $defs: described,
  })
}

/** The name of the definition that a `$ref` refers to. */
const nameIn = (reference: string): string => parsePointer(reference.slice(reference.lastIndexOf("/")))?.[0] ?? ""

/** Leaves out values that JSON cannot express, for example an instance of a class as a default. */
const asJson = (value: unknown): Schema.JsonObject => JSON.parse(JSON.stringify(value))
