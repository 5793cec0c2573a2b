/** The tree of all commands: names, flags and help. Each handler loads its command's module when it runs. */
import { Effect, Option } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { config } from "./Commands/config.ts"
import { models, providers } from "./Commands/modelCommands.ts"
import { numberFlag } from "./Commands/numberFlag.ts"
import { switchFlag } from "./Commands/switchFlag.ts"
import { completedKinds } from "./completedKinds.ts"

const serve = Command.make(
  "serve",
  {
    port: numberFlag("port", 0, 65_535).pipe(
      Flag.withMetavar("PORT"),
      Flag.withDescription("Listen on this port instead of listen.port; 0 takes any free port"),
      Flag.optional,
    ),
    strict: switchFlag("strict", "Do not start with a refused document"),
    logFormat: Flag.Literals("log-format", ["text", "json"]).pipe(
      Flag.withDescription("Format of the log"),
      Flag.withDefault("text" as const),
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./Commands/serve.ts")),
      ({ serve }) => serve({ ...input, port: Option.getOrUndefined(input.port) }),
    ),
).pipe(Command.withDescription("Run the host: the gateway, the admin API and the event feed, until SIGINT or SIGTERM"))

const status = Command.make(
  "status",
  {
    tmux: switchFlag("tmux", "Print one line for tmux's status-right; prints nothing when no host is running"),
    narrow: switchFlag("narrow", "With --tmux: without the model"),
    maxLength: numberFlag("max-length", 1, 99_999).pipe(
      Flag.withMetavar("COLUMNS"),
      Flag.withDescription("With --tmux: maximum width"),
      Flag.optional,
    ),
    theme: Flag.String("theme").pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription("With --tmux: white-on-purple, black-on-yellow, white-on-blue"),
      Flag.optional,
    ),
    fg: Flag.String("fg").pipe(
      Flag.withMetavar("COLOUR"),
      Flag.withDescription("With --tmux: text colour"),
      Flag.optional,
    ),
    bg: Flag.String("bg").pipe(
      Flag.withMetavar("COLOUR"),
      Flag.withDescription("With --tmux: background colour"),
      Flag.optional,
    ),
  },
  (input) =>
    input.tmux
      ? Effect.flatMap(
          Effect.promise(() => import("./Commands/statusBar.ts")),
          ({ statusBar }) => statusBar(input),
        )
      : Effect.flatMap(
          Effect.promise(() => import("./Commands/status.ts")),
          ({ status }) => status(input),
        ),
).pipe(Command.withDescription("Show whether a host is running, and its state"))

const services = Command.make("services", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./Commands/services.ts")),
    ({ services }) => services,
  ),
).pipe(Command.withDescription("Draw the host's services, their dependencies, and the generations that requests hold"))

const stats = Command.make(
  "stats",
  {
    window: Flag.String("window").pipe(
      Flag.withMetavar("TIME"),
      Flag.withDescription("Time range: 15 (minutes), 90m, 24h (default: stats.window_minutes)"),
      Flag.optional,
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./Commands/stats.ts")),
      ({ stats }) => stats(input),
    ),
).pipe(Command.withDescription("Show usage: requests, tokens, errors, times"))

const events = Command.make(
  "events",
  {
    types: Flag.String("types").pipe(
      Flag.withMetavar("TYPE,…"),
      Flag.withDescription("Only these types, such as config.changed,model.added"),
      Flag.optional,
    ),
    since: Flag.String("since").pipe(
      Flag.withMetavar("CURSOR"),
      Flag.withDescription("Begin after this event, as far back as the host still has events"),
      Flag.optional,
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./Commands/events.ts")),
      ({ events }) => events(input),
    ),
).pipe(Command.withDescription("Follow the host's events; with --json one CloudEvents object per line"))

const keys = Command.make("keys").pipe(
  Command.withDescription("Manage the keys of the gateway's callers (features.auth)"),
  Command.withSubcommands([
    Command.make(
      "add",
      {
        id: Argument.String("id").pipe(Argument.withDescription("The key's name in allowed_keys and in statistics")),
        label: Flag.String("label").pipe(
          Flag.withMetavar("TEXT"),
          Flag.withDescription("A description"),
          Flag.optional,
        ),
        models: Flag.String("models").pipe(
          Flag.withMetavar("ALIAS,…"),
          Flag.withDescription("Allow only these models"),
          Flag.optional,
        ),
      },
      (input) =>
        Effect.flatMap(
          Effect.promise(() => import("./Commands/keys.ts")),
          ({ add }) => add(input),
        ),
    ).pipe(Command.withDescription("Create a key and print its secret, which is shown only once")),
    Command.make("list", {}, () =>
      Effect.flatMap(
        Effect.promise(() => import("./Commands/keys.ts")),
        ({ list }) => list,
      ),
    ).pipe(Command.withDescription("List the keys")),
    Command.make("revoke", { id: Argument.String("id") }, (input) =>
      Effect.flatMap(
        Effect.promise(() => import("./Commands/keys.ts")),
        ({ revoke }) => revoke(input),
      ),
    ).pipe(Command.withDescription("Revoke a key; requests with it are refused at once")),
  ]),
)

const doctor = Command.make("doctor", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./Commands/doctor.ts")),
    ({ doctor }) => doctor,
  ),
).pipe(Command.withDescription("Check this installation, and advise what to do about problems"))

const service = Command.make("service").pipe(
  Command.withDescription("Run the host as a service of this user"),
  Command.withSubcommands([
    Command.make(
      "print",
      {
        systemd: switchFlag("systemd", "A systemd user unit (default on Linux)"),
        launchd: switchFlag("launchd", "A launchd property list (default on macOS)"),
      },
      (input) =>
        Effect.flatMap(
          Effect.promise(() => import("./Commands/service.ts")),
          ({ print }) => print(input),
        ),
    ).pipe(Command.withDescription("Print the service's definition; nothing is installed")),
  ]),
)

const reload = Command.make(
  "reload",
  {
    ignoreEnvironment: switchFlag(
      "ignore-environment",
      "Let the document win over SIGNALBOX_… variables, until a reload without this flag",
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./Commands/reload.ts")),
      ({ reload }) => reload(input),
    ),
).pipe(Command.withDescription("Let the host read its document and environment again, and show what changed"))

const complete = Command.make("complete", { kind: Argument.Literals("kind", completedKinds) }, ({ kind }) =>
  Effect.flatMap(
    Effect.promise(() => import("./Commands/complete.ts")),
    ({ complete }) => complete(kind),
  ),
).pipe(Command.withDescription("Print words for completion scripts"), Command.unlisted)

export const commands = [
  serve,
  status,
  models,
  providers,
  services,
  stats,
  events,
  keys,
  doctor,
  service,
  config,
  reload,
  complete,
] as const
