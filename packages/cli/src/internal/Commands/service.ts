/**
 * `service print`: the host as a service of this user, with the absolute paths of this node and this program. Printed, not installed: what a
 * machine starts by itself is its owner's decision.
 */
import { realpathSync } from "node:fs"
import { Effect } from "effect"
import { where } from "../ConfigAccess.ts"
import { failed, usage } from "../Failure.ts"
import { answer, remark } from "../Print.ts"
import { launchdPlist } from "./service/launchdPlist.ts"
import { systemdUnit } from "./service/systemdUnit.ts"

export interface Installed {
  /** This node and this program, with what the program needs to be run as it is. */
  readonly program: ReadonlyArray<string>
  /** `--config FILE`, where the document is not the default one. */
  readonly arguments: ReadonlyArray<string>
  /** What the host writes to. */
  readonly directory: string
}

interface Print {
  readonly systemd: boolean
  readonly launchd: boolean
}

export const print = Effect.fnUntraced(function* ({ launchd, systemd }: Print) {
  if (launchd && systemd) return yield* usage("--systemd and --launchd exclude each other", "leave one of them out")
  const { named, place } = yield* where
  const installed: Installed = {
    program: [process.execPath, ...fromSources, yield* ownScript],
    // A service does not have this shell's environment.
    arguments: named || process.env["XDG_DATA_HOME"] !== undefined ? ["--config", place.config] : [],
    directory: place.directory,
  }
  const odd = [...installed.program, place.config].find((path) => /[\p{Cc}]/u.test(path))
  if (odd !== undefined)
    return yield* failed("service", "a path with control characters cannot stand in a service's definition")
  const forLaunchd = launchd || (!systemd && process.platform === "darwin")
  const { file, start, text } = forLaunchd ? launchdPlist(installed) : systemdUnit(installed)
  yield* answer({ kind: forLaunchd ? "launchd" : "systemd", file, text, start }, () => text.trimEnd())
  yield* remark(`# put this into ${file}, then: ${start.join(" && ")}`)
})

/** In a clone of the repository the packages are their sources. */
const fromSources = import.meta.url.endsWith(".ts") ? ["--conditions=@signalbox/source"] : []

/** Through links: a package manager may move them. */
const ownScript = Effect.try({
  try: () => realpathSync(process.argv[1] ?? ""),
  catch: () => failed("service", "the path of this program is not known", "run it by its file"),
})
