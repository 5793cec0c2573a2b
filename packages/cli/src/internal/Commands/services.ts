/** `services`: the graph as a tree, from the services that nothing needs down to what they stand on; and the generations that requests hold. */
import { ServicesGroup, type ServicesState } from "@signalbox/api/ServicesGroup"
import { Effect } from "effect"
import { fromApi } from "../Answers.ts"
import { clientOf } from "../Client.ts"
import { requireHost } from "../ConfigAccess.ts"
import { answer, type Paint } from "../Print.ts"
import { age, counted, line, table } from "../TextFormat.ts"

export const services = Effect.gen(function* () {
  const client = yield* clientOf(yield* requireHost("has services"), ServicesGroup)
  const state = yield* Effect.mapError(client.services.list(), fromApi)
  yield* answer(state, (paint) => text(state, paint))
})

type Service = ServicesState["services"][number]

const text = (state: ServicesState, paint: Paint): string => {
  const generations = state.generations.map(({ ageMillis, number, pins, revision }, index) => [
    String(number),
    String(revision),
    String(pins),
    age(ageMillis),
    index === 0 ? "serves" : "ends with its requests",
  ])
  const followers = state.subscribers.map(({ lagEvents, lagMillis, name, types }) => [
    name,
    types === undefined ? "all" : types.length > maxTypes ? counted(types.length, "type") : types.join(", "),
    lagEvents === 0 ? "" : `${counted(lagEvents, "event")}, ${age(lagMillis)} behind`,
  ])
  return [
    ...tree(state.services, paint),
    "",
    table(generationColumns, generations, paint.bold),
    ...(state.queued === 0 ? [] : ["", `${counted(state.queued, "change")} waiting or under way`]),
    ...(followers.length === 0 ? [] : ["", table(followerColumns, followers, paint.bold)]),
  ].join("\n")
}

// --json has all of them.
const maxTypes = 3

const generationColumns = [
  { title: "GENERATION", right: true },
  { title: "REVISION", right: true },
  { title: "PINS", right: true },
  { title: "AGE", right: true },
  { title: "" },
]
const followerColumns = ["FOLLOWS EVENTS", "TYPES", "LAG"].map((title) => ({ title }))

/** One line for each service; one that was drawn before is named again without what it needs. */
export const tree = (services: ReadonlyArray<Service>, paint: Paint): ReadonlyArray<string> => {
  const byName = new Map(services.map((service) => [service.name, service]))
  const needed = new Set(services.flatMap((service) => beneath(service, services)))
  const drawn = new Set<string>()
  const found: Array<string> = []
  const draw = (name: string, first: string, rest: string): void => {
    const service = byName.get(name)
    const again = drawn.has(name)
    drawn.add(name)
    found.push(`${first}${service === undefined ? paint.dim(short(name)) : described(service, again, paint)}`)
    const needs = again || service === undefined ? [] : beneath(service, services)
    for (const [index, need] of needs.entries()) {
      const last = index === needs.length - 1
      draw(need, `${rest}${last ? "└─ " : "├─ "}`, `${rest}${last ? "   " : "│  "}`)
    }
  }
  for (const { name } of services) if (!needed.has(name)) draw(name, "", "")
  return found
}

/** The members of a collection, then what a service needs. */
const beneath = ({ name, needs }: Service, services: ReadonlyArray<Service>): ReadonlyArray<string> => [
  ...services.filter((other) => other.name.startsWith(`${name}/`)).map((member) => member.name),
  ...needs,
]

const described = ({ buildMillis, generation, name, needs, state }: Service, again: boolean, paint: Paint): string => {
  if (again) return needs.length > 0 ? `${short(name)}${paint.dim(" (above)")}` : short(name)
  if (state === "ready") return `${short(name)} ${paint.dim(`generation ${generation}, built in ${age(buildMillis)}`)}`
  return `${short(name)} ${state === "failed" ? paint.red("failed") : paint.yellow("starting")}`
}

/** The package's name goes without saying. */
const short = (name: string): string => line(name.replace(/^@signalbox\/\w+\//, ""))
