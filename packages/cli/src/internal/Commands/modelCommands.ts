/** `models …` and `providers …`: names, flags and help. Each handler loads its command's module when it runs. */
import { Effect } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { kinds } from "./providers/kinds.ts"
import { switchFlag } from "./switchFlag.ts"

const listModels = () =>
  Effect.flatMap(
    Effect.promise(() => import("./models.ts")),
    ({ models }) => models,
  )

const alias = Argument.String("alias").pipe(Argument.withDescription("The name that callers use"))

const addModel = Command.make(
  "add",
  {
    alias,
    upstream: Argument.String("upstream").pipe(
      Argument.withDescription("The model that the provider knows (default: the alias)"),
      Argument.optional,
    ),
    provider: Flag.String("provider").pipe(
      Flag.withMetavar("ID"),
      Flag.withDescription("Its provider; may be left out if there is only one"),
      Flag.optional,
    ),
    keys: Flag.String("keys").pipe(
      Flag.withMetavar("KEY,…"),
      Flag.withDescription("Allow only these keys (signalbox keys)"),
      Flag.optional,
    ),
    disabled: switchFlag("disabled", "Add it without serving it"),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./models/editModels.ts")),
      ({ add }) => add(input),
    ),
).pipe(
  Command.withDescription("Add a model to the document"),
  Command.withExamples([
    { command: "signalbox models add fast gpt-5-mini --provider openai", description: "An alias for a model" },
  ]),
)

const removeModel = Command.make("remove", { alias }, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("./models/editModels.ts")),
    ({ remove }) => remove(input),
  ),
).pipe(Command.withDescription("Remove a model from the document"))

export const models = Command.make("models", {}, listModels).pipe(
  Command.withDescription("List models and providers; add and remove models"),
  Command.withSubcommands([
    Command.make("list", {}, listModels).pipe(Command.withDescription("List models and providers")),
    addModel,
    removeModel,
  ]),
)

const listProviders = () =>
  Effect.flatMap(
    Effect.promise(() => import("./providers.ts")),
    ({ providers }) => providers,
  )

const id = Argument.String("id").pipe(Argument.withDescription("The provider's name in the document"))

const addProvider = Command.make(
  "add",
  {
    id,
    kind: Flag.Literals("kind", kinds).pipe(
      Flag.withDescription("Its protocol (default: the id, if it is one of these)"),
      Flag.optional,
    ),
    baseUrl: Flag.String("base-url").pipe(
      Flag.withMetavar("URL"),
      Flag.withDescription("Its address (default: that of the kind)"),
      Flag.optional,
    ),
    keyFromInput: switchFlag("api-key-stdin", "Read its key from standard input, or ask for it on a terminal"),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./providers/editProviders.ts")),
      ({ add }) => add(input),
    ),
).pipe(
  Command.withDescription("Add a provider to the document"),
  Command.withExamples([
    { command: "signalbox providers add openai --api-key-stdin < key", description: "OpenAI, with a key" },
    {
      command: "signalbox providers add local --kind openai --base-url http://127.0.0.1:8000/v1",
      description: "A server with OpenAI's protocol",
    },
  ]),
)

const testProvider = Command.make("test", { id }, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("./providers/test.ts")),
    ({ test }) => test(input),
  ),
).pipe(Command.withDescription("Ask a provider for its models, to check its address and key; costs no tokens"))

const removeProvider = Command.make("remove", { id }, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("./providers/editProviders.ts")),
    ({ remove }) => remove(input),
  ),
).pipe(Command.withDescription("Remove a provider that no model uses from the document"))

export const providers = Command.make("providers", {}, listProviders).pipe(
  Command.withDescription("List providers; add, test and remove them"),
  Command.withSubcommands([
    Command.make("list", {}, listProviders).pipe(Command.withDescription("List providers")),
    addProvider,
    testProvider,
    removeProvider,
  ]),
)
