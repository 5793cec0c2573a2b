/**
 * A host with secrets on a real file: in records, optional fields, lists and maps of the schema, in the environment, in an older version of
 * the document, and in services that quote them when they fail. It collects every output.
 */
import { inspect } from "node:util"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import * as Models from "@signalbox/core/ModelRegistry"
import * as Narration from "@signalbox/core/Narration"
import * as Providers from "@signalbox/core/Providers"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import * as Setting from "@signalbox/core/Setting"
import * as Signalbox from "@signalbox/node/Signalbox"
import {
  Cause,
  ConfigProvider,
  Console,
  Context,
  Effect,
  Exit,
  Formatter,
  Inspectable,
  Layer,
  Logger,
  Redacted,
  Schema,
  Tracer,
} from "effect"
import { DocumentFile } from "./ConfigFollowing.ts"

/** No other text shares five consecutive letters with any of these, so that parts of a secret are found. */
export const secrets = {
  token: "sk-KEMUBCRDLSBQ",
  rotated: "sk-GBCNNCHCRNBS",
  replacement: "sk-DHUUSBSSMBHB",
  unescaped: 'sk-"REJNER\\DSJRVF\nDSSUGL',
  inList: "sk-DRWCSBTGPVRN",
  inMap: "sk-YKOSOLJHZFWY",
  environment: "sk-HCSJQPKXOJTC",
  badEnvironment: "sk-DQNFYKEPNBVC",
  runtime: "sk-YRSZKKWLTPSZ",
  migrated: "sk-OCCIPWVCBXWJ",
  misplaced: "sk-USVOJWMVLAOL",
  torn: "sk-FTDPBGYJEXHM",
  unknown: "sk-MPCFOMRIENRI",
  unknownName: "sk-WNLVMHECFEHV",
  checked: "sk-HAPSFIJAENRL",
  quoted: "sk-TSKEWQTUVXBO",
  quotedLater: "sk-YVZRMMMMDPUM",
  finalized: "sk-BGCGOFDKTBDA",
  outage: "sk-SERDLTACGTME",
  starting: "sk-JCEDXKXIPWFQ",
  selected: "sk-AGQLEWRAYQJU",
} as const

const Secret = Schema.RedactedFromValue(Schema.String)
/** A check that quotes the secret. */
const Checked = Schema.RedactedFromValue(
  Schema.String.check(
    Schema.makeFilter((text) => (text === secrets.checked ? `${text} is not acceptable` : undefined)),
  ),
)

export class VaultSettings extends Setting.Service<VaultSettings>()(
  "test/VaultSettings",
  Schema.Record(Schema.String, Schema.Struct({ url: Schema.String, key: Schema.optionalKey(Secret) })),
) {}
export class PolicySettings extends Setting.Service<PolicySettings>()(
  "test/PolicySettings",
  Schema.Struct({
    token: Schema.optionalKey(Secret),
    checked: Schema.optionalKey(Checked),
    list: Schema.optionalKey(Schema.Array(Secret)),
    headers: Schema.optionalKey(Schema.Record(Schema.String, Secret)),
    port: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(1))),
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
) {}
/** A transformation that fails and quotes the secret. */
export class Selected extends Setting.Service<Selected>()("test/Selected", Schema.String) {}

export class AppConfig extends ConfigStore.Service<AppConfig>()("test/AppConfig", {
  schema: Schema.Struct({
    vault: VaultSettings.schema,
    policy: PolicySettings.schema,
    providers: Providers.ProviderSettings.schema,
    models: Models.ModelSettings.schema,
  }),
  migrations: [
    (document) => {
      const { secretToken, ...rest } = Object(document)
      return secretToken === undefined ? rest : { ...rest, policy: { ...rest.policy, token: secretToken } }
    },
  ],
  environmentPrefix: "SECRETS",
  seed: `{ "version": 2, "vault": {} }\n`,
}) {}

class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", { header: Schema.String }) {
  override get message(): string {
    return `401 for ${this.header}`
  }
}

export class Vault extends Context.Service<Vault, { readonly url: string }>()("test/Vault") {}
export class Vaults extends Context.Service<Vaults, ReadonlyMap<string, { readonly url: string }>>()("test/Vaults") {}

/** A service that quotes its secret in failures, defects and in the defect of its finalizer. */
const vault = ({ key, url }: { readonly url: string; readonly key?: Redacted.Redacted }) =>
  Layer.effect(
    Vault,
    Effect.gen(function* () {
      const secret = key === undefined ? "" : Redacted.value(key)
      if (url === "finalizer") yield* Effect.addFinalizer(() => Effect.die(new Error(`cannot log ${secret} out`)))
      if (url === "fail") return yield* new Unauthorized({ header: `Bearer ${secret}` })
      if (url === "encoded") return yield* Effect.fail(`${btoa(secret)} or ${encodeURIComponent(secret)}`)
      if (url === "die") return yield* Effect.die(new Error("no", { cause: new Error(JSON.stringify({ secret })) }))
      if (url === "message") return yield* Effect.die(new TypeError(`Invalid header ${JSON.stringify(secret)}`))
      // A long-lived service remembers earlier input.
      if (url === "before") return yield* Effect.fail(`${secrets.quotedLater} is still logged in`)
      return { url }
    }),
  )
export class Services extends ServiceGraph.Service<Services>()("test/Services", {
  nodes: [ServiceGraph.each(Vaults, { over: VaultSettings, member: Vault, layer: vault })],
}) {}

/** A graph that cannot start with this secret. */
export class Late extends Context.Service<Late, string>()("test/Late") {
  static readonly layer = Layer.effect(
    Late,
    Effect.gen(function* () {
      const { token } = yield* PolicySettings.get
      if (token !== undefined && Redacted.value(token) === secrets.starting) {
        return yield* Effect.fail(`cannot start with ${secrets.starting}`)
      }
      return "started"
    }),
  )
}
export class LateServices extends ServiceGraph.Service<LateServices>()("test/LateServices", {
  nodes: [ServiceGraph.node(Late, { needs: [PolicySettings], layer: Late.layer })],
}) {}

/** A graph that refuses registrations and quotes the token. */
export class Registered extends Context.Service<Registered, string>()("test/Registered") {
  static readonly layer = Layer.effect(
    Registered,
    Effect.gen(function* () {
      const [registrations, { token }] = [yield* Models.ModelRegistrations.get, yield* PolicySettings.get]
      if (registrations.some(({ name }) => name === "refused")) {
        return yield* Effect.fail(`no models for ${token && Redacted.value(token)}`)
      }
      return "registered"
    }),
  )
}
export class RegisteredServices extends ServiceGraph.Service<RegisteredServices>()("test/RegisteredServices", {
  nodes: [
    ServiceGraph.node(Registered, { needs: [Models.ModelRegistrations, PolicySettings], layer: Registered.layer }),
  ],
}) {}

const settings = Layer.mergeAll(
  AppConfig.setting(VaultSettings, ({ vault }) => vault),
  AppConfig.setting(PolicySettings, ({ policy }) => policy),
  AppConfig.setting(Providers.ProviderSettings, ({ providers }) => providers),
  AppConfig.setting(Models.ModelSettings, ({ models }) => models),
  AppConfig.setting(Selected, ({ vault }) => {
    const key = vault["selected"]?.key
    if (key !== undefined) throw new Error(`cannot use ${Redacted.value(key)}`)
    return ""
  }),
)

/** Every output of the host, at full depth. */
export class HostOutputs extends Context.Service<
  HostOutputs,
  {
    readonly add: (what: string, ...values: ReadonlyArray<unknown>) => void
    readonly all: () => ReadonlyArray<OutputText>
  }
>()("test/HostOutputs") {}
export interface OutputText {
  readonly what: string
  readonly text: string
}

/** The texts of a value in every format. */
export const textsOf = (value: unknown): string => {
  const deep = { depth: 50, maxStringLength: null, maxArrayLength: null }
  const attempt = (show: () => string | undefined) => {
    try {
      return show() ?? ""
    } catch (error) {
      return String(error)
    }
  }
  return [
    attempt(() => inspect(value, { ...deep, getters: true })),
    attempt(() => inspect(value, { ...deep, customInspect: false, showHidden: true })),
    attempt(() => String(value)),
    attempt(() => JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner))),
    attempt(() => Inspectable.toStringUnknown(value)),
    attempt(() => JSON.stringify(Inspectable.toJson(value))),
    attempt(() => Formatter.format(value)),
    attempt(() => Formatter.formatJson(value)),
    value instanceof Error ? attempt(() => `${value.message}\n${value.stack}\n${inspect(value.cause, deep)}`) : "",
    Cause.isCause(value) ? attempt(() => `${Cause.pretty(value)}\n${inspect(Cause.prettyErrors(value), deep)}`) : "",
    Exit.isExit(value) && Exit.isFailure(value) ? textsOf(value.cause) : "",
    Cause.isCause(value)
      ? value.reasons.map((reason) => textsOf("error" in reason ? reason.error : reason)).join()
      : "",
  ].join("\n")
}

/** The parts of a span that exporters use; these exclude the success value. */
const exported = ({ attributes, events, links, name, status }: Tracer.NativeSpan): string =>
  textsOf([
    name,
    Array.from(attributes),
    events,
    links.map((link) => link.attributes),
    status._tag === "Ended" ? status.exit : undefined,
  ])

const collect = Effect.gen(function* () {
  const showings: Array<{ what: string; values: ReadonlyArray<unknown> }> = []
  const spans: Array<Tracer.NativeSpan> = []
  const shown = HostOutputs.of({
    add: (what, ...values) => void showings.push({ what, values }),
    all: () => [
      ...showings.map(({ values, what }) => ({ what, text: values.map(textsOf).join("\n") })),
      ...spans.map((span) => ({ what: `span ${span.name}`, text: exported(span) })),
    ],
  })
  const logger = Logger.make((options) => {
    shown.add("log", options.message, options.cause, Logger.formatJson.log(options), Logger.formatLogFmt.log(options))
  })
  const say =
    (member: string) =>
    (...values: ReadonlyArray<unknown>) =>
      shown.add(`console.${member}`, ...values)
  const console: Console.Console = new Proxy(globalThis.console, { get: (_, member) => say(String(member)) })
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    },
  })
  return Layer.mergeAll(
    Layer.succeed(HostOutputs, shown),
    Logger.layer([logger, Logger.tracerLogger]),
    Layer.succeed(Console.Console, console),
    Layer.succeed(Tracer.Tracer, tracer),
  )
})

const graphs = Layer.mergeAll(Services.layer, ServiceGraph.layerBackground(LateServices), RegisteredServices.layer)

/** The whole host over the document at `DocumentFile` with this environment. */
export const running =
  (environment: Record<string, string>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.flatMap(DocumentFile, ({ file }) =>
      Effect.provide(
        effect,
        Layer.fresh(
          Layer.merge(graphs, Narration.layer(AppConfig)).pipe(
            Layer.provideMerge(Layer.merge(Models.ModelRegistry.layer, Providers.Providers.layer)),
            Layer.provideMerge(settings),
            Layer.provideMerge(AppConfig.layer),
            Layer.provideMerge(Signalbox.layerAt(file)),
            Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: environment }))),
          ),
        ),
      ),
    )

export const layer = Layer.merge(Layer.unwrap(collect), DocumentFile.layer)
