/**
 * `service print`: the definition of a user service that runs the host, with the absolute paths of this Node and this program. It is printed and not
 * installed: the user decides what a machine starts by itself.
 */
import { realpathSync } from "node:fs"
import { Effect } from "effect"
import { failed, usage } from "../Failure.ts"
import { printNote, printResult } from "../Print.ts"
import { localTarget } from "../Target.ts"
import type { HostService } from "./service/HostService.ts"
import { launchdPlist } from "./service/launchdPlist.ts"
import { systemdUnit } from "./service/systemdUnit.ts"

interface Input {
  readonly systemd: boolean
  readonly launchd: boolean
}

export const print = Effect.fnUntraced(function* ({ launchd, systemd }: Input) {
  if (launchd && systemd) return yield* usage("--systemd and --launchd exclude each other", "leave one of them out")
  const { isNamed, paths } = yield* localTarget("print a service")
  const service: HostService = {
    program: [process.execPath, ...sourceFlags, yield* ownScript],
    // A service does not have the environment of this shell.
    arguments: isNamed || process.env["XDG_DATA_HOME"] !== undefined ? ["--config", paths.config] : [],
    directory: paths.directory,
  }
  if ([...service.program, paths.config].some((path) => /[\p{Cc}]/u.test(path)))
    return yield* failed("service", "a service definition cannot hold a path with control characters")
  const isLaunchd = launchd || (!systemd && process.platform === "darwin")
  const { file, start, text } = isLaunchd ? launchdPlist(service) : systemdUnit(service)
  yield* printResult({ kind: isLaunchd ? "launchd" : "systemd", file, text, start }, () => text.trimEnd())
  yield* printNote(`# save this as ${file}, then run: ${start.join(" && ")}`)
})

/** In a clone of the repository, packages resolve to their sources. */
const sourceFlags = import.meta.url.endsWith(".ts") ? ["--conditions=@signalbox/source"] : []

/** Resolved, because a package manager may move links. */
const ownScript = Effect.try({
  try: () => realpathSync(process.argv[1] ?? ""),
  catch: () => failed("service", "the path of this program is not known", "run the program by its file"),
})
