/**
 * JSON Schema (draft 2020-12) of a document, for editors and for programs that write one. Secrets are strings, and keys with a default are
 * optional. A document that fits it may still be refused, because JSON Schema cannot express every check.
 */
import { Schema } from "effect"
import { parsePointer } from "../../JsonPointer.ts"
import { isObject, type PlainObject } from "../Json.ts"
import type { Shapes, View } from "./Shape.ts"

export const jsonSchemaOf = (schema: Schema.Top, shapes: Shapes, version: number): Schema.JsonObject => {
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema)
  const described = new Describer(shapes, definitions)
  const body = described.place(root, shapes.root)
  const own: PlainObject = isObject(body["properties"]) ? body["properties"] : {}
  return asJson({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...body,
    properties: { version: { type: "integer", const: version, default: version }, ...own },
    $defs: described.definitions,
  })
}

/** Adds the defaults, which Schema keeps in its transformations, to the generated JSON Schema. */
class Describer {
  readonly definitions: Record<string, unknown> = {}
  private readonly shapes: Shapes
  private readonly raw: PlainObject

  constructor(shapes: Shapes, raw: PlainObject) {
    this.shapes = shapes
    this.raw = raw
  }

  place(node: unknown, view: View): PlainObject {
    if (!isObject(node)) return {}
    const described: Record<string, unknown> = { ...node }
    const reference = node["$ref"]
    if (typeof reference === "string") this.define(reference, view)
    for (const many of ["anyOf", "oneOf", "allOf"]) {
      const members = node[many]
      if (Array.isArray(members)) described[many] = members.map((member) => this.place(member, view))
    }
    if (isObject(node["properties"])) described["properties"] = this.properties(node["properties"], view)
    for (const rest of ["additionalProperties", "items"]) {
      if (isObject(node[rest]))
        described[rest] = this.place(node[rest], this.shapes.step(view, rest === "items" ? "0" : "*"))
    }
    return described
  }

  private properties(properties: PlainObject, view: View): PlainObject {
    return Object.fromEntries(
      Object.entries(properties).map(([key, node]) => {
        const inner = this.place(node, this.shapes.step(view, key))
        const declared = this.shapes.defaultAt(view, key)
        return [key, declared === undefined ? inner : { ...inner, default: declared }]
      }),
    )
  }

  /** A definition may contain itself, so it is entered before it is described. */
  private define(reference: string, view: View): void {
    const name = parsePointer(reference.slice(reference.lastIndexOf("/")))?.[0] ?? ""
    if (Object.hasOwn(this.definitions, name)) return
    this.definitions[name] = {}
    this.definitions[name] = this.place(this.raw[name], view)
  }
}

/** Leaves out values that JSON cannot express, for example an instance of a class as a default. */
const asJson = (value: unknown): Schema.JsonObject => JSON.parse(JSON.stringify(value))
