/**
 * The installed command from its start to its end, against `node -e 0` in the same rounds: a prompt, a status line, and requests to a running
 * host. Each command runs once before, so that the compile cache is filled.
 */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { interleave, report } from "./measure.ts"

const ROUNDS = 25
let changes = 0

export const run = async (): Promise<void> => {
  const root = mkdtempSync(join(tmpdir(), "signalbox-bench-cli-"))
  // Beneath the package, where koffi is found.
  const built = join(import.meta.dirname, "..", "build", `cli-${process.pid}`)
  const bundle = join(import.meta.dirname, "..", "..", "cli", "bundle.ts")
  const bundled = spawnSync(process.execPath, ["--conditions=@signalbox/source", bundle, built], { encoding: "utf8" })
  if (bundled.status !== 0) throw new Error(`the command cannot be bundled: ${bundled.stderr}`)
  const command = join(built, "signalbox.cjs")
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: root,
    XDG_DATA_HOME: join(root, "data"),
    XDG_CACHE_HOME: join(root, "cache"),
  }
  const host = spawn(process.execPath, [command, "serve", "--port", "0"], { env, stdio: ["ignore", "pipe", "inherit"] })
  try {
    for await (const line of createInterface(host.stdout)) if (line.includes("listens on")) break
    const ending = (args: ReadonlyArray<string>) => () => {
      const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" })
      if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`)
      return 1
    }
    const best = await interleave(
      {
        node: ending(["-e", "0"]),
        version: ending([command, "--version"]),
        tmux: ending([command, "status", "--tmux"]),
        help: ending([command, "--help"]),
        models: ending([command, "models"]),
        get: ending([command, "config", "get", "models"]),
        set: () =>
          ending([
            command,
            "--config",
            join(root, "other.json"),
            "config",
            "set",
            "stats.window_minutes",
            `${(changes++ % 60) + 1}`,
          ])(),
      },
      ROUNDS,
    )
    report("cli: from start to end, against node -e 0", [
      { name: "signalbox --version", ratio: best.version / best.node, target: ["≤", 1.3] },
      { name: "signalbox status --tmux", ratio: best.tmux / best.node, target: ["≤", 1.3] },
      { name: "signalbox models, against a running host", ratio: best.models / best.node, target: ["≤", 3.5] },
      { name: "signalbox config get models, against a running host", ratio: best.get / best.node, target: ["≤", 3.5] },
      { name: "signalbox config set, without a host", ratio: best.set / best.node, target: ["≤", 6] },
      { name: "signalbox --help", ratio: best.help / best.node },
    ])
  } finally {
    host.kill("SIGKILL")
    if (host.exitCode === null && host.signalCode === null) await once(host, "exit")
    rmSync(root, { recursive: true, force: true })
    rmSync(built, { recursive: true, force: true })
  }
}
