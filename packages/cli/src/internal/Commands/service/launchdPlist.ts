/** The property list of a launchd user agent (launchd.plist(5)). */
import { homedir } from "node:os"
import { join } from "node:path"
import type { HostService } from "./HostService.ts"

const label = "org.signalbox.host"

export const launchdPlist = ({ arguments: args, program }: HostService) => {
  const words = [...program, "serve", ...args].map((word) => `    <string>${escaped(word)}</string>`).join("\n")
  const log = escaped(join(homedir(), "Library", "Logs", "signalbox.log"))
  return {
    file: `~/Library/LaunchAgents/${label}.plist`,
    start: [`launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/${label}.plist`],
    text: `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${label}</string>
  <key>ProgramArguments</key>
  <array>
${words}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ExitTimeOut</key>
  <integer>90</integer>
  <key>Umask</key>
  <integer>63</integer>
  <key>ProcessType</key>
  <string>Background</string>
  <key>StandardOutPath</key>
  <string>${log}</string>
  <key>StandardErrorPath</key>
  <string>${log}</string>
</dict>
</plist>
`,
  }
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
