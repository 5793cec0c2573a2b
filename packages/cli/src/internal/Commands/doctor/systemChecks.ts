/** The machine: its platform, this node, locks, and how files are watched. */
import { closeSync, existsSync, openSync, readFileSync, watch } from "node:fs"
import { dirname } from "node:path"
import { Flock } from "@signalbox/node/Flock"
import { Effect } from "effect"
import type { Where } from "../../ConfigAccess.ts"
import { codeOf } from "../../errorCode.ts"
import { type Finding, note, ok, problem } from "./Check.ts"

export const systemFindings = ({ place }: Where): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.map(locks(place.config), (lock) => [platform(), node(), lock, watching(place.directory)])

const platform = (): Finding => {
  switch (process.platform) {
    case "linux":
    case "darwin":
      return ok("platform", `${process.platform} ${process.arch}`)
    case "win32":
      return problem(
        "platform",
        "Windows has no flock(2): several processes could write the document at once, so no host starts here",
        "run Signalbox under WSL",
      )
    default:
      return note("platform", `${process.platform} is not tested`, "Linux and macOS are")
  }
}

const oldest = [22, 19] as const

const node = (): Finding => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1])
    ? ok("node", process.versions.node)
    : problem("node", `${process.versions.node} is too old`, `install ${oldest.join(".")} or newer`)
}

/** Tried on something that is there and that nobody else locks. */
const locks = (config: string): Effect.Effect<Finding> =>
  Effect.gen(function* () {
    const { mechanism, tryLockSync, unlockSync } = yield* Flock
    if (mechanism === "none") {
      return problem(
        "locks",
        "there is no way to lock files here",
        "install koffi (npm install koffi), or util-linux for flock(1)",
      )
    }
    const target = [config, dirname(config), process.execPath].find(existsSync) ?? process.execPath
    try {
      const fd = openSync(target, "r")
      try {
        if (tryLockSync(fd, "shared")) unlockSync(fd)
      } finally {
        closeSync(fd)
      }
    } catch (error) {
      const code = codeOf(error)
      return code === "EACCES"
        ? note("locks", `${target} cannot be tried: this user may not read it (EACCES)`)
        : problem("locks", `files beside ${config} cannot be locked (${code})`, "put the document on a local disk")
    }
    return mechanism === "kernel"
      ? ok("locks", "flock(2), by the kernel's own call")
      : note(
          "locks",
          "flock(2), by the program flock(1): it works, and costs milliseconds",
          "koffi (npm install koffi) is faster",
        )
  }).pipe(Effect.provide(Flock.layer))

const watching = (directory: string): Finding => {
  const target = existsSync(directory) ? directory : "/"
  try {
    watch(target).close()
  } catch (error) {
    if (codeOf(error) === "EACCES")
      return note("watching", `${target} cannot be tried: this user may not read it (EACCES)`)
    return problem(
      "watching",
      `changes in ${target} cannot be watched (${codeOf(error)}): edits are noticed by polling, after up to 5 seconds`,
      `raise fs.inotify.max_user_watches (now ${limit("max_user_watches")}) or fs.inotify.max_user_instances (now ${limit("max_user_instances")}) with sysctl`,
    )
  }
  return process.platform === "linux"
    ? ok(
        "watching",
        `inotify, ${limit("max_user_watches")} watches and ${limit("max_user_instances")} instances for this user`,
      )
    : ok("watching", "changes of files are noticed at once")
}

const limit = (name: string): string => {
  try {
    return readFileSync(`/proc/sys/fs/inotify/${name}`, "utf8").trim()
  } catch {
    return "unknown"
  }
}
