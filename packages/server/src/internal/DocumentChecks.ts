/**
 * Checks of the host's document beyond its types: mistakes that would otherwise show when a request fails. A problem refuses the document, a
 * remark becomes a warning. The checks of a provider are remembered with its settings, so that a change costs what it changes.
 */
import type { Remark } from "@signalbox/core/ConfigDocument"
import { aliasesWithoutProvider, type ModelsByAlias } from "@signalbox/core/ModelSettings"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import type { Provider } from "@signalbox/core/Providers"
import { Redacted } from "effect"
import { isLoopback, isUnspecified } from "./Loopback.ts"

interface Listen {
  readonly host: string
  readonly port: number
  readonly names: ReadonlyArray<string>
}

type ProvidersById = Readonly<Record<string, Provider>>

/** The parts of the document that the checks look at. */
interface Config {
  readonly listen: Listen
  readonly providers: ProvidersById
  readonly models: ModelsByAlias
  readonly default_model_alias: string
}

/** A result of a filter of the schema. */
interface Problem {
  readonly path: ReadonlyArray<string>
  readonly issue: string
}

/** The problem of the first provider whose address is the host's own: each request would come back as the next one. */
export const loopProblem = ({ listen, providers }: Pick<Config, "listen" | "providers">): Problem | undefined => {
  const known = loops.get(providers)
  if (known?.listen === listen) return known.problem
  const name = Object.keys(providers).find((id) => isOwnAddress(providers[id]!, listen))
  const problem = name === undefined ? undefined : { path: ["providers", name, "base_url"], issue: ownAddress }
  loops.set(providers, { listen, problem })
  return problem
}

const ownAddress =
  "is the address of this host, which would send each request to itself: name the provider's address, or change listen.port"

const loops = new WeakMap<ProvidersById, { readonly listen: Listen; readonly problem: Problem | undefined }>()

const isOwnAddress = (provider: Provider, { host, names, port }: Listen): boolean => {
  const address = addressOf(provider)
  if (address === undefined || port === 0 || address.port !== port) return false
  if (names.some((name) => name.toLowerCase() === address.host)) return true
  if (isUnspecified(host)) return isLoopback(address.host) || isUnspecified(address.host)
  const isLocalName = address.host === "localhost" || isUnspecified(address.host)
  return address.host === host.toLowerCase() || (isLoopback(host) && isLocalName)
}

interface Address {
  /** In lower case, without brackets. */
  readonly host: string
  readonly port: number
}

const addressOf = (provider: Provider): Address | undefined => {
  if (provider.kind === "echo") return undefined
  const known = addresses.get(provider)
  if (known !== undefined) return known
  const { hostname, port, protocol } = new URL(provider.baseUrl)
  const host = hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "")
  const address = { host, port: port !== "" ? Number(port) : protocol === "https:" ? 443 : 80 }
  addresses.set(provider, address)
  return address
}

const addresses = new WeakMap<Provider, Address>()

/** The warnings of a document. */
export const remarks = (config: Config): ReadonlyArray<Remark> => {
  const { default_model_alias: alias, models, providers } = config
  const isDisabled = alias !== "" && Object.hasOwn(models, alias) && !models[alias]!.enabled
  const message =
    "the default model is disabled, so that requests for unknown names are refused: enable it, or name another"
  return [
    ...remarksOnProviders(providers),
    ...Array.from(aliasesWithoutProvider(models, providers), ([provider, aliases]) =>
      withoutProvider(provider, aliases, providers),
    ),
    ...(isDisabled ? [{ path: ["default_model_alias"], message }] : []),
  ]
}

const withoutProvider = (provider: string, aliases: ReadonlyArray<string>, providers: ProvidersById): Remark => ({
  path: ["models", aliases[0] ?? "", "provider"],
  message:
    `there is no provider ${JSON.stringify(provider)}${didYouMean(nearNames(provider, Object.keys(providers)))}` +
    `${aliases.length === 1 ? "" : `, which ${aliases.length} models use`}: add it to providers, or name another`,
})

const remarksOnProviders = (providers: ProvidersById): ReadonlyArray<Remark> => {
  const known = providerRemarks.get(providers)
  if (known !== undefined) return known
  const found = Object.entries(providers).flatMap(([id, provider]) =>
    mistakesIn(provider).map(([key, message]) => ({ path: ["providers", id, key], message })),
  )
  providerRemarks.set(providers, found)
  return found
}

const providerRemarks = new WeakMap<ProvidersById, ReadonlyArray<Remark>>()

const mistakesIn = (provider: Provider): ReadonlyArray<readonly [key: string, message: string]> => {
  if (provider.kind === "echo") return []
  const key = provider.apiKey && Redacted.value(provider.apiKey)
  return [
    ...(provider.kind === "anthropic"
      ? ([["kind", 'providers of kind "anthropic" are not served yet: requests for their models fail']] as const)
      : []),
    ...(endpoint.test(provider.baseUrl)
      ? ([["base_url", "ends with the path of an endpoint, which requests add themselves: cut it off"]] as const)
      : []),
    ...(key === "<redacted>"
      ? ([["api_key", "is the mark that replaces a key in output, and not a key: write the key itself"]] as const)
      : []),
  ]
}

const endpoint = /\/(?:chat\/completions|completions|embeddings|messages|models|responses)\/*$/

/**
 * Refuses edits that leave a model without its provider. In a section or document that is replaced as a whole, as an import does, that is a
 * warning.
 */
export const checkEdits = (
  { models, providers }: Pick<Config, "models" | "providers">,
  paths: ReadonlyArray<ReadonlyArray<string>>,
): ReadonlyArray<Remark> => {
  const edited = new Map<string, string>()
  for (const [section, name] of paths) {
    if (name === undefined) continue
    if (section === "models" && Object.hasOwn(models, name)) {
      const { provider } = models[name]!
      if (!Object.hasOwn(providers, provider)) edited.set(provider, name)
    }
    if (section === "providers" && !Object.hasOwn(providers, name)) {
      const [alias] = aliasesWithoutProvider(models, providers).get(name) ?? []
      if (alias !== undefined) edited.set(name, alias)
    }
  }
  return Array.from(edited, ([provider, alias]) => withoutProvider(provider, [alias], providers))
}
