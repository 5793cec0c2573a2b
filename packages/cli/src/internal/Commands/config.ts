/** `signalbox config …` and `reload`: what they take, and where what they do is. */
import { Effect } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"

const place = (description: string) =>
  Argument.String("path").pipe(
    Argument.withDescription(`${description}: models.fast.upstream, models."gpt-4.1", or /models/fast/upstream`),
  )

const asText = Flag.Boolean("string").pipe(
  Flag.withoutNegation,
  Flag.withDescription("Take values as text, even if they look like JSON"),
  Flag.withDefault(false),
)

const get = Command.make(
  "get",
  {
    path: place("What to show; everything without it").pipe(Argument.optional),
    document: Flag.Boolean("document").pipe(
      Flag.withoutNegation,
      Flag.withDescription(
        "Show the document itself, without secrets: its text, comments and all, or what it says at PATH",
      ),
      Flag.withDefault(false),
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./config/get.ts")),
      ({ get }) => get(input),
    ),
).pipe(
  Command.withDescription("Show what is in force: defaults, document and environment put together, without secrets"),
)

const set = Command.make(
  "set",
  {
    path: place("Where"),
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
  Command.withDescription("Set one value; comments and order in the document stay"),
  Command.withExamples([
    { command: "signalbox config set models.fast.upstream gpt-5", description: "Another model behind an alias" },
    {
      command: "signalbox config set providers.openai.api_key - < key",
      description: "A secret, past the shell's history",
    },
  ]),
)

const unset = Command.make("unset", { path: place("Where") }, (input) =>
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
).pipe(Command.withDescription("Edit the document in $VISUAL or $EDITOR; shows what would change and asks"))

const validate = Command.make(
  "validate",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("The text to look at (- is standard input); without it the document"),
      Argument.optional,
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./config/validate.ts")),
      ({ validate }) => validate(input),
    ),
).pipe(Command.withDescription("Say whether a document would be accepted, and what is wrong with it and where"))

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
      Flag.withDescription("Remove what stands there; may be repeated"),
      Flag.atLeast(0),
    ),
    asText,
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./config/plan.ts")),
      ({ plan }) => plan(input),
    ),
).pipe(Command.withDescription("Show what a change would do; nothing is written"))

const diff = Command.make(
  "diff",
  {
    from: Argument.String("from").pipe(
      Argument.withDescription("A document of the history, by 6 digits of its hash or more; the one before without it"),
      Argument.optional,
    ),
    to: Argument.String("to").pipe(
      Argument.withDescription("Another one; the one in force without it"),
      Argument.optional,
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./config/history.ts")),
      ({ diff }) => diff(input),
    ),
).pipe(Command.withDescription("Show what lies between two documents of the history"))

const history = Command.make("history", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./config/history.ts")),
    ({ history }) => history,
  ),
).pipe(Command.withDescription("List the documents that were in force, newest first"))

const undo = Command.make("undo", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./config/set.ts")),
    ({ undo }) => undo,
  ),
).pipe(Command.withDescription("Bring back the document before this one, as a new change"))

const path = Command.make("path", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./config/path.ts")),
    ({ path }) => path,
  ),
).pipe(Command.withDescription("Print where the document stands"))

const schema = Command.make("schema", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./config/get.ts")),
    ({ schema }) => schema,
  ),
).pipe(Command.withDescription("Print the JSON Schema of the document, for editors"))

const importFile = Command.make(
  "import",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("A document of copilot-api or of Signalbox (- is standard input)"),
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withoutNegation,
      Flag.withDescription("Show what would change and stop"),
      Flag.withDefault(false),
    ),
    yes: Flag.Boolean("yes").pipe(
      Flag.withAlias("y"),
      Flag.withoutNegation,
      Flag.withDescription("Do not ask; without a terminal, and with --json, nothing is asked anyhow"),
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
    "Put the sections of another document (models, retention …) in the place of those here; sections that it does not have stay",
  ),
)

export const config = Command.make("config").pipe(
  Command.withDescription("Read and change the configuration, in the running host or in the file"),
  Command.withSubcommands([get, set, unset, edit, validate, plan, diff, history, undo, path, schema, importFile]),
)

export const reload = Command.make(
  "reload",
  {
    ignoreEnvironment: Flag.Boolean("ignore-environment").pipe(
      Flag.withoutNegation,
      Flag.withDescription("From now on the file wins over SIGNALBOX_… variables, until a reload without this"),
      Flag.withDefault(false),
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./reload.ts")),
      ({ reload }) => reload(input),
    ),
).pipe(Command.withDescription("Let the host read its document and environment again, and say what changed"))
