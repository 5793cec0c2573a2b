/** Finds the value that the document's text has at a path, without defaults and without what overrides the document. */
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { Effect } from "effect"
import { failed } from "../../Failure.ts"
import { findValue } from "../../findValue.ts"

export const valueInDocument = ({ hash, text }: { readonly hash: string; readonly text: string }, pointer: string) =>
  Effect.fromResult(ConfigDocument.parse(text)).pipe(
    // The text was in force, so it parses.
    Effect.orDie,
    Effect.flatMap((document) => findValue(document, pointer)),
    Effect.map((value) => ({ path: pointer, value, provenance: "document", hash })),
    Effect.mapError(({ kind, message }) =>
      failed(kind, `${message} in the document`, "leave out --document to see the value in force"),
    ),
  )
