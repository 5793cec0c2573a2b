/** Commands about the host and what it does: what they take, and where what they do is. */
import { Effect, Option } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { isPort, logFormats } from "./PlainServe.ts"

const given = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDescription(description), Flag.withDefault(false))

const serve = Command.make(
  "serve",
  {
    port: Flag.Int("port").pipe(
      Flag.withMetavar("PORT"),
      Flag.withDescription("Listen there instead of at listen.port; 0 is any that is free"),
      Flag.filter(isPort, () => "a port is a number from 0 to 65535"),
      Flag.optional,
    ),
    strict: given("strict", "Do not start with a document that is refused"),
    logFormat: Flag.Literals("log-format", logFormats).pipe(
      Flag.withDescription("How to write the log"),
      Flag.withDefault("text" as const),
    ),
  },
  ({ port, ...flags }) =>
    Effect.gen(function* () {
      const [{ where }, { serve }] = yield* Effect.promise(() =>
        Promise.all([import("./ConfigAccess.ts"), import("./Commands/serve.ts")]),
      )
      const { place } = yield* where
      yield* serve(place, { ...flags, port: Option.getOrUndefined(port) })
    }),
).pipe(Command.withDescription("Run the host: the gateway, the admin API and the event feed, until SIGINT or SIGTERM"))

const events = Command.make(
  "events",
  {
    types: Flag.String("types").pipe(
      Flag.withMetavar("TYPE,…"),
      Flag.withDescription("Only these: config.changed,model.added"),
      Flag.optional,
    ),
    since: Flag.String("since").pipe(
      Flag.withMetavar("CURSOR"),
      Flag.withDescription("First what happened after this one, as far as the host still has it"),
      Flag.optional,
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./Commands/events.ts")),
      ({ events }) => events(input),
    ),
).pipe(Command.withDescription("Follow what happens in the host; with --json one CloudEvents object a line"))

const models = Command.make("models", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./Commands/models.ts")),
    ({ models }) => models,
  ),
).pipe(Command.withDescription("List models and providers"))

const services = Command.make("services", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./Commands/services.ts")),
    ({ services }) => services,
  ),
).pipe(Command.withDescription("Draw the host's services: what needs what, what stands, which generations are held"))

const stats = Command.make(
  "stats",
  {
    window: Flag.String("window").pipe(
      Flag.withMetavar("TIME"),
      Flag.withDescription("How far back: 15 (minutes), 90m, 24h (default: stats.window_minutes)"),
      Flag.optional,
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./Commands/stats.ts")),
      ({ stats }) => stats(input),
    ),
).pipe(Command.withDescription("Show usage: requests, tokens, errors, times"))

const keys = Command.make("keys").pipe(
  Command.withDescription("Manage the keys of the gateway's callers (features.auth)"),
  Command.withSubcommands([
    Command.make(
      "add",
      {
        id: Argument.String("id").pipe(Argument.withDescription("How it is called, in allowed_keys and in statistics")),
        label: Flag.String("label").pipe(Flag.withMetavar("TEXT"), Flag.withDescription("For people"), Flag.optional),
        models: Flag.String("models").pipe(
          Flag.withMetavar("ALIAS,…"),
          Flag.withDescription("Only these models"),
          Flag.optional,
        ),
      },
      (input) =>
        Effect.flatMap(
          Effect.promise(() => import("./Commands/keys.ts")),
          ({ add }) => add(input),
        ),
    ).pipe(Command.withDescription("Make a key; its secret is printed once, to standard output, and kept nowhere")),
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
    ).pipe(Command.withDescription("Refuse a key from now on")),
  ]),
)

const doctor = Command.make("doctor", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./Commands/doctor.ts")),
    ({ doctor }) => doctor,
  ),
).pipe(Command.withDescription("Look for what is wrong with this installation, and say what to do"))

const service = Command.make("service").pipe(
  Command.withDescription("Run the host as a service of this user"),
  Command.withSubcommands([
    Command.make(
      "print",
      {
        systemd: given("systemd", "A systemd user unit (default on Linux)"),
        launchd: given("launchd", "A launchd property list (default on macOS)"),
      },
      (input) =>
        Effect.flatMap(
          Effect.promise(() => import("./Commands/service.ts")),
          ({ print }) => print(input),
        ),
    ).pipe(Command.withDescription("Print the service's definition; nothing is installed")),
  ]),
)

const status = Command.make(
  "status",
  {
    tmux: given("tmux", "One line for tmux's status-right; says nothing where there is nothing to say"),
    narrow: given("narrow", "With --tmux: without the model"),
    maxLength: Flag.Int("max-length").pipe(
      Flag.withMetavar("COLUMNS"),
      Flag.withDescription("With --tmux: at most so many"),
      Flag.optional,
    ),
    theme: Flag.String("theme").pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription("With --tmux: white-on-purple, black-on-yellow, white-on-blue"),
      Flag.optional,
    ),
    fg: Flag.String("fg").pipe(
      Flag.withMetavar("COLOUR"),
      Flag.withDescription("With --tmux: of the text"),
      Flag.optional,
    ),
    bg: Flag.String("bg").pipe(
      Flag.withMetavar("COLOUR"),
      Flag.withDescription("With --tmux: behind it"),
      Flag.optional,
    ),
  },
  (input) =>
    input.tmux
      ? Effect.flatMap(
          Effect.promise(() => import("./Commands/statusBar.ts")),
          ({ tmuxStatus }) => tmuxStatus(input),
        )
      : Effect.flatMap(
          Effect.promise(() => import("./Commands/status.ts")),
          ({ status }) => status,
        ),
).pipe(Command.withDescription("Say whether a host runs, and how it is"))

export const commands = [serve, status, models, services, stats, events, keys, doctor, service] as const
