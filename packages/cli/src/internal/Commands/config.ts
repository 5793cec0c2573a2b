/** `config …`: names, flags and help. Each handler loads its command's module when it runs. */
import { Effect } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { switchFlag } from "./switchFlag.ts"

const pathArgument = (description: string) =>
  Argument.String("path").pipe(
    Argument.withDescription(`${description}, such as models.fast.upstream, models."gpt-4.1" or /models/fast/upstream`),
  )

const asText = switchFlag("string", "Take values as text, even if they look like JSON")

const get = Command.make(
  "get",
  {
    path: pathArgument("Path to show (everything without it)").pipe(Argument.optional),
    document: switchFlag(
      "document",
      "Show the document itself without secrets: its text with comments, or the value that it has at PATH",
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./config/get.ts")),
      ({ get }) => get(input),
    ),
).pipe(
  Command.withDescription("Show the configuration in force, from defaults, document and environment, without secrets"),
)

const set = Command.make(
  "set",
  {
    path: pathArgument("Path"),
    value: Argument.String("value").pipe(
      Argument.withDescription("JSON, else the text itself; - reads standard input, for secrets"),
    ),
    asText,
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./config/set.ts")),
      ({ set }) => set(input),
    ),
).pipe(
  Command.withDescription("Set one value; the document keeps its comments and order"),
  Command.withExamples([
    { command: "signalbox config set models.fast.upstream gpt-5", description: "Another model behind an alias" },
    {
      command: "signalbox config set providers.openai.api_key - < key",
      description: "A secret, kept out of the shell's history",
    },
  ]),
)

const unset = Command.make("unset", { path: pathArgument("Path") }, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("./config/set.ts")),
    ({ unset }) => unset(input),
  ),
).pipe(Command.withDescription("Remove one value from the document"))

const edit = Command.make(
  "edit",
  {
    yes: Flag.Boolean("yes").pipe(
      Flag.withAlias("y"),
      Flag.withoutNegation,
      Flag.withDescription("Apply without asking; works without a terminal"),
      Flag.withDefault(false),
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./config/edit.ts")),
      ({ edit }) => edit(input),
    ),
).pipe(
  Command.withDescription("Edit the document in $VISUAL or $EDITOR, show the changes and ask before applying them"),
)

const validate = Command.make(
  "validate",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("The text to check (- is standard input); the document without it"),
      Argument.optional,
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./config/validate.ts")),
      ({ validate }) => validate(input),
    ),
).pipe(Command.withDescription("Check whether a document would be accepted, and show each problem with its place"))

const plan = Command.make(
  "plan",
  {
    words: Argument.String("path value | file").pipe(
      Argument.withDescription(
        "Pairs of a path and its value, or one file with a whole document (- is standard input)",
      ),
      Argument.variadic(),
    ),
    unset: Flag.String("unset").pipe(
      Flag.withMetavar("PATH"),
      Flag.withDescription("Remove this value; may be repeated"),
      Flag.atLeast(0),
    ),
    asText,
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./config/plan.ts")),
      ({ plan }) => plan(input),
    ),
).pipe(Command.withDescription("Show the effects of a change without writing it"))

const diff = Command.make(
  "diff",
  {
    from: Argument.String("from").pipe(
      Argument.withDescription(
        "A document of the history, by at least 6 digits of its hash; the previous one without it",
      ),
      Argument.optional,
    ),
    to: Argument.String("to").pipe(
      Argument.withDescription("Another one; the document in force without it"),
      Argument.optional,
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./config/diff.ts")),
      ({ diff }) => diff(input),
    ),
).pipe(Command.withDescription("Show the difference between two documents of the history"))

const history = Command.make("history", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./config/history.ts")),
    ({ history }) => history,
  ),
).pipe(Command.withDescription("List earlier documents, newest first"))

const undo = Command.make("undo", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./config/undo.ts")),
    ({ undo }) => undo,
  ),
).pipe(Command.withDescription("Restore the previous document as a new change"))

const path = Command.make("path", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./config/path.ts")),
    ({ path }) => path,
  ),
).pipe(Command.withDescription("Print the path of the document"))

const schema = Command.make("schema", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./config/schema.ts")),
    ({ schema }) => schema,
  ),
).pipe(Command.withDescription("Print the JSON Schema of the document, for editors"))

const importFile = Command.make(
  "import",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("A document of copilot-api or of Signalbox (- is standard input)"),
    ),
    dryRun: switchFlag("dry-run", "Show the changes without applying them"),
    yes: Flag.Boolean("yes").pipe(
      Flag.withAlias("y"),
      Flag.withoutNegation,
      Flag.withDescription("Do not ask; without a terminal and with --json, nothing is asked anyway"),
      Flag.withDefault(false),
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./config/importFile.ts")),
      ({ importFile }) => importFile(input),
    ),
).pipe(
  Command.withDescription(
    "Replace sections (models, retention …) by those of another document; sections that it does not have stay",
  ),
)

export const config = Command.make("config").pipe(
  Command.withDescription("Read and change the configuration, of the running host or in the file"),
  Command.withSubcommands([get, set, unset, edit, validate, plan, diff, history, undo, path, schema, importFile]),
)
