/** Checks the machine: platform, Node, file locks and file watching. */
import { closeSync, existsSync, openSync, readFileSync, watch } from "node:fs"
import { dirname } from "node:path"
import { Flock } from "@signalbox/node/Flock"
import { Effect } from "effect"
import { errorCode } from "../../errorCode.ts"
import type { Target } from "../../Target.ts"
import { type CheckResult, note, ok, problem } from "./CheckResult.ts"

export const systemChecks = ({ paths }: Target): Effect.Effect<ReadonlyArray<CheckResult>> =>
  Effect.map(locks(paths.config), (lock) => [platform(), node(), lock, watching(paths.directory)])

const platform = (): CheckResult => {
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

const node = (): CheckResult => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1])
    ? ok("node", process.versions.node)
    : problem("node", `${process.versions.node} is too old`, `install ${oldest.join(".")} or newer`)
}

/** Tries to lock a file or directory that exists and that no other process locks. */
const locks = (config: string): Effect.Effect<CheckResult> =>
  Effect.gen(function* () {
    const { mechanism, tryLockSync, unlockSync } = yield* Flock
    if (mechanism === "none") {
      return problem(
        "locks",
        "files cannot be locked here",
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
      const code = errorCode(error)
      return code === "EACCES"
        ? note("locks", `${target} cannot be tried: this user may not read it (EACCES)`)
        : problem("locks", `files beside ${config} cannot be locked (${code})`, "put the document on a local disk")
    }
    return mechanism === "kernel"
      ? ok("locks", "flock(2), by a system call")
      : note(
          "locks",
          "flock(2), by the program flock(1), which takes milliseconds",
          "koffi (npm install koffi) is faster",
        )
  }).pipe(Effect.provide(Flock.layer))

const watching = (directory: string): CheckResult => {
  const target = existsSync(directory) ? directory : "/"
  try {
    watch(target).close()
  } catch (error) {
    if (errorCode(error) === "EACCES")
      return note("watching", `${target} cannot be tried: this user may not read it (EACCES)`)
    return problem(
      "watching",
      `changes in ${target} cannot be watched (${errorCode(error)}): edits are noticed by polling, within 5 seconds`,
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
