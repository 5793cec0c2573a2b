/**
 * A systemd user unit (systemd.service(5), systemd.exec(5)). Its hardening is limited to what a user's own service manager can do: all file systems are
 * read-only except the host's directory and the compile cache, which needs unprivileged user namespaces. `MemoryDenyWriteExecute` would stop V8's compiler.
 */
import { shellWord } from "../../shellWord.ts"
import type { HostService } from "./HostService.ts"

export const systemdUnit = ({ arguments: args, directory, program }: HostService) => {
  const command = [...program, "serve", ...args].map(quoted).join(" ")
  return {
    file: "~/.config/systemd/user/signalbox.service",
    // ReadWritePaths needs an existing directory.
    start: [
      `mkdir -p -m 0700 ${shellWord(directory)}`,
      "systemctl --user daemon-reload",
      "systemctl --user enable --now signalbox",
    ],
    text: `[Unit]
Description=Signalbox, a local gateway to language models

[Service]
Type=exec
ExecStart=${command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
# Running requests may end; a second signal would cut them off.
TimeoutStopSec=90
KillMode=mixed
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
ProtectSystem=strict
PrivateTmp=yes
ReadWritePaths=${quotedPath(directory)}
CacheDirectory=signalbox
CacheDirectoryMode=0700

[Install]
WantedBy=default.target
`,
  }
}

/** In every value `%` begins a specifier and `$` a variable; quotes and backslashes are escaped as in C. */
const quoted = (word: string): string => {
  const escaped = word.replaceAll("%", "%%").replaceAll("$", "$$$$").replaceAll("\\", "\\\\").replaceAll('"', '\\"')
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`
}

/** `quoted` for settings that expand no variables. */
const quotedPath = (path: string): string => quoted(path).replaceAll("$$", "$")
