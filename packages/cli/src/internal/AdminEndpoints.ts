/**
 * The endpoints of the admin API that commands call: method, path, and the members that a response must have. A table instead of the API's own
 * contract, because loading and compiling that takes longer than the request. A test compares the table with the contract.
 */
import type * as ConfigGroup from "@signalbox/api/ConfigGroup"
import type * as HealthGroup from "@signalbox/api/HealthGroup"
import type { ModelsState } from "@signalbox/api/ModelsGroup"
import type { ServicesState } from "@signalbox/api/ServicesGroup"
import type { Credential } from "@signalbox/core/Credentials"
import type { StatsSnapshot } from "@signalbox/core/StatsLedger"
import type { Schema } from "effect"
import type { Diff, HistoryEntry, Value } from "./ConfigAccess.ts"

export interface Endpoint<A> {
  /** Group and name in the contract. */
  readonly name: `${string}.${string}`
  readonly method: "GET" | "PUT" | "POST" | "PATCH" | "DELETE"
  /** With `:parameters`. */
  readonly path: string
  /** Members that tell this response from another program's. Empty for a response without a body. */
  readonly members: ReadonlyArray<keyof A & string>
}

const endpoint = <A>(
  name: Endpoint<A>["name"],
  method: Endpoint<A>["method"],
  path: string,
  members: Endpoint<A>["members"],
): Endpoint<A> => ({ name, method, path, members })

type Written = ConfigGroup.Written
const written: ReadonlyArray<keyof Written> = [
  "revision",
  "hash",
  "changes",
  "shadowed",
  "restartRequired",
  "source",
  "warnings",
]

export const endpoints = {
  health: endpoint<(typeof HealthGroup.Health)["Type"]>("health.healthz", "GET", "/healthz", ["version", "pid"]),
  readiness: endpoint<(typeof HealthGroup.Readiness)["Type"]>("health.readyz", "GET", "/readyz", ["ready", "degraded"]),
  config: endpoint<(typeof ConfigGroup.ConfigState)["Type"]>("config.get", "GET", "/api/config", [
    "source",
    "revision",
    "hash",
    "text",
    "effective",
    "problems",
    "warnings",
  ]),
  summary: endpoint<(typeof ConfigGroup.ConfigSummary)["Type"]>("config.summary", "GET", "/api/config/summary", [
    "source",
    "revision",
    "hash",
    "problems",
    "warnings",
  ]),
  replace: endpoint<Written>("config.replace", "PUT", "/api/config", written),
  update: endpoint<Written>("config.update", "PATCH", "/api/config", written),
  value: endpoint<Value>("config.getValue", "GET", "/api/config/value", ["path", "value", "provenance", "hash"]),
  plan: endpoint<ConfigGroup.Plan>("config.plan", "POST", "/api/config/plan", [
    "changes",
    "shadowed",
    "rebuilt",
    "restartRequired",
    "problems",
    "warnings",
  ]),
  reload: endpoint<{ readonly changes: ReadonlyArray<ConfigGroup.Change>; readonly summary: string }>(
    "config.reload",
    "POST",
    "/api/config/reload",
    ["changes", "summary"],
  ),
  undo: endpoint<Written>("config.undo", "POST", "/api/config/undo", written),
  history: endpoint<{ readonly entries: ReadonlyArray<HistoryEntry> }>("config.history", "GET", "/api/config/history", [
    "entries",
  ]),
  diff: endpoint<Diff>("config.diff", "GET", "/api/config/diff", ["from", "to", "changes"]),
  schema: endpoint<{ readonly $schema: Schema.Json }>("config.schema", "GET", "/api/config/schema", ["$schema"]),
  models: endpoint<ModelsState>("models.list", "GET", "/api/models", ["models", "providers", "defaultAlias"]),
  services: endpoint<ServicesState>("services.list", "GET", "/api/services", [
    "revision",
    "services",
    "generations",
    "queued",
    "subscribers",
  ]),
  stats: endpoint<StatsSnapshot>("stats.snapshot", "GET", "/api/stats", [
    "windowMinutes",
    "totals",
    "providers",
    "models",
    "keys",
    "projects",
  ]),
  keys: endpoint<{ readonly credentials: ReadonlyArray<Credential> }>("credentials.list", "GET", "/api/credentials", [
    "credentials",
  ]),
  addKey: endpoint<{ readonly credential: Credential; readonly secret: string }>(
    "credentials.add",
    "POST",
    "/api/credentials",
    ["credential", "secret"],
  ),
  revokeKey: endpoint<undefined>("credentials.revoke", "DELETE", "/api/credentials/:id", []),
  events: endpoint<never>("events.follow", "GET", "/api/events", []),
} as const
