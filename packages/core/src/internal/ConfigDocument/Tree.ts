/** Where things stand in a text. Built only when somebody must be told: a tree costs several times a parse. */
import { type Node, parseTree } from "jsonc-parser"
import { arrayIndex, type Tokens } from "../../JsonPointer.ts"
import { lines } from "./Text.ts"

export type { Node }

export interface Position {
  readonly line: number
  readonly column: number
}

/** For texts that `parse` accepts. A byte order mark reads as a space. */
export const treeOf = (text: string): Node | undefined =>
  parseTree(text.charCodeAt(0) === 0xfeff ? ` ${text.slice(1)}` : text, [], { allowTrailingComma: true })

/** The member that counts, which is the last one of that name. */
const property = (node: Node, key: string): Node | undefined => {
  const children = node.children ?? []
  for (let index = children.length - 1; index >= 0; index--) {
    if (children[index]!.children?.[0]?.value === key) return children[index]
  }
  return undefined
}

const childAt = (node: Node, token: string): Node | undefined => {
  if (node.type === "object") return property(node, token)?.children?.[1]
  const index = node.type === "array" ? arrayIndex(token) : undefined
  return index === undefined ? undefined : node.children?.[index]
}

/** The value at a path. */
export const nodeAt = (root: Node, tokens: Tokens): Node | undefined => {
  let node: Node | undefined = root
  for (const token of tokens) node = node === undefined ? undefined : childAt(node, token)
  return node
}

/** The value at a path, or the innermost enclosing one that is there. */
const nearestNode = (root: Node, tokens: Tokens): Node => {
  let node = root
  for (const token of tokens) {
    const inner = childAt(node, token)
    if (inner === undefined) return node
    node = inner
  }
  return node
}

/** Answers where values (or the keys in front of them) stand; reads the text at the first question. */
export const positions = (text: string): ((tokens: Tokens, at: "value" | "key") => Position) => {
  let ready: { readonly root: Node | undefined; readonly at: (offset: number) => Position } | undefined
  return (tokens, at) => {
    ready ??= { root: treeOf(text), at: lines(text) }
    if (ready.root === undefined) return { line: 1, column: 1 }
    const node = nearestNode(ready.root, tokens)
    return ready.at(at === "key" ? (node.parent?.type === "property" ? node.parent.offset : node.offset) : node.offset)
  }
}
