/** `services`: the service graph as a tree with dependencies below their dependants, and the generations that requests hold. */
import type { ServicesState } from "@signalbox/api/ServicesGroup"
import { Effect } from "effect"
import { endpoints } from "../AdminEndpoints.ts"
import { request } from "../HostClient.ts"
import { type Colors, printResult } from "../Print.ts"
import { requireHost } from "../Target.ts"
import { escapeLine, formatDuration, plural, table } from "../TextFormat.ts"

export const services = Effect.gen(function* () {
  const state = yield* request(yield* requireHost("list its services"), endpoints.services)
  yield* printResult(state, (colors) => text(state, colors))
})

type Service = ServicesState["services"][number]

const text = (state: ServicesState, colors: Colors): string => {
  const generations = state.generations.map(({ ageMillis, number, pins, revision }, index) => [
    String(number),
    String(revision),
    String(pins),
    formatDuration(ageMillis),
    index === 0 ? "serves" : "ends with its requests",
  ])
  const subscribers = state.subscribers.map(({ lagEvents, lagMillis, name, types }) => [
    name,
    types === undefined ? "all" : types.length > maxTypes ? plural(types.length, "type") : types.join(", "),
    lagEvents === 0 ? "" : `${plural(lagEvents, "event")}, ${formatDuration(lagMillis)} behind`,
  ])
  return [
    ...tree(state.services, colors),
    "",
    table(generationColumns, generations, colors.bold),
    ...(state.releasing.length === 0 ? [] : ["", ...state.releasing.map(releasing)]),
    ...(state.queued === 0 ? [] : ["", `${plural(state.queued, "change")} waiting or in progress`]),
    ...(subscribers.length === 0 ? [] : ["", table(subscriberColumns, subscribers, colors.bold)]),
  ].join("\n")
}

const releasing = ({ ageMillis, generation, name }: ServicesState["releasing"][number]): string =>
  `${shortName(name)} of generation ${generation} is being released for ${formatDuration(ageMillis)}: its finalizers have not ended`

// --json prints all of them.
const maxTypes = 3

const generationColumns = [
  { title: "GENERATION", right: true },
  { title: "REVISION", right: true },
  { title: "PINS", right: true },
  { title: "AGE", right: true },
  { title: "" },
]
const subscriberColumns = ["SUBSCRIBER", "TYPES", "LAG"].map((title) => ({ title }))

/** One line for each service. A service that appears again is drawn without its dependencies. */
export const tree = (services: ReadonlyArray<Service>, colors: Colors): ReadonlyArray<string> => {
  const byName = new Map(services.map((service) => [service.name, service]))
  const needed = new Set(services.flatMap((service) => dependenciesOf(service, services)))
  const drawn = new Set<string>()
  const lines: Array<string> = []
  const draw = (name: string, first: string, rest: string): void => {
    const service = byName.get(name)
    const again = drawn.has(name)
    drawn.add(name)
    lines.push(`${first}${service === undefined ? colors.dim(shortName(name)) : describe(service, again, colors)}`)
    const needs = again || service === undefined ? [] : dependenciesOf(service, services)
    for (const [index, need] of needs.entries()) {
      const last = index === needs.length - 1
      draw(need, `${rest}${last ? "└─ " : "├─ "}`, `${rest}${last ? "   " : "│  "}`)
    }
  }
  for (const { name } of services) if (!needed.has(name)) draw(name, "", "")
  return lines
}

/** The members of a collection of services, then its dependencies. */
const dependenciesOf = ({ name, needs }: Service, services: ReadonlyArray<Service>): ReadonlyArray<string> => [
  ...services.filter((other) => other.name.startsWith(`${name}/`)).map((member) => member.name),
  ...needs,
]

const describe = ({ buildMillis, generation, name, needs, state }: Service, again: boolean, colors: Colors): string => {
  if (again) return needs.length > 0 ? `${shortName(name)}${colors.dim(" (above)")}` : shortName(name)
  if (state === "ready")
    return `${shortName(name)} ${colors.dim(`generation ${generation}, built in ${formatDuration(buildMillis)}`)}`
  return `${shortName(name)} ${state === "failed" ? colors.red("failed") : colors.yellow("starting")}`
}

/** Without the name of the package. */
const shortName = (name: string): string => escapeLine(name.replace(/^@signalbox\/\w+\//, ""))
