/**
 * A systemd user unit (systemd.service(5), systemd.exec(5)). Its hardening is what works in a user's own manager: file systems read-only but
 * for the host's directory and the cache of compiled code, which takes unprivileged user name spaces; no memory rule, because JavaScript is compiled while it runs.
 */
import type { Installed } from "../service.ts"

export const systemdUnit = ({ arguments: args, directory, program }: Installed) => {
  const command = [...program, "serve", ...args].map(quoted).join(" ")
  return {
    file: "~/.config/systemd/user/signalbox.service",
    // What is not there cannot be opened for writing by ReadWritePaths.
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
# Requests under way may end; a second signal would cut them off.
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

/** `%` begins a specifier and `$` a variable in every value; quotes and backslashes are as in C. */
const quoted = (word: string): string => {
  const escaped = word.replaceAll("%", "%%").replaceAll("$", "$$$$").replaceAll("\\", "\\\\").replaceAll('"', '\\"')
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`
}

/** As `quoted`, where no variables are known. */
const quotedPath = (path: string): string => quoted(path).replaceAll("$$", "$")

const shellWord = (path: string): string =>
  /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
