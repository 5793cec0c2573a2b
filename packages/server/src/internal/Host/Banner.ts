/** The text that a host prints when it listens: its address, its document, and commands to try, ready to paste. */
import { version } from "@signalbox/api/Version"
import { escapeLine } from "@signalbox/core/VisibleText"

export interface BannerFacts {
  /** The name of the command. */
  readonly command: string
  readonly url: string
  /** The path of the document. */
  readonly config: string
  /** The host has just written its first document. */
  readonly isNew: boolean
  /** If the document is refused, the hash of the last good one, which serves. */
  readonly lastGood: string | undefined
  /** The command finds the document without `--config`. */
  readonly isDefaultPath: boolean
  /** A model that requires no provider key, else any model, if there is one. */
  readonly alias: string | undefined
  /** Callers must send a key. */
  readonly auth: boolean
}

export const banner = ({
  alias,
  auth,
  command: name,
  config: path,
  isNew,
  isDefaultPath,
  lastGood,
  url,
}: BannerFacts): string => {
  const config = escapeLine(path)
  const command = isDefaultPath ? name : `${name} --config ${quoted(path)}`
  return [
    `Signalbox ${version} listens on ${url}`,
    lastGood !== undefined
      ? `Its document ${config} is refused, and the last good one serves: ${lastGood.slice(0, 12)} in the history. Correct it and save.`
      : isNew
        ? `This is its first start: it has written ${config}. Edit and save it: changes take effect at once.`
        : `Its document is ${config}. Edit and save it: changes take effect at once.`,
    "",
    "Try next:",
    ...(auth ? [`  ${command} keys add me`] : []),
    ...(alias === undefined ? [] : [`  ${curl(url, alias, auth)}`]),
    `  ${command} config set models.fast '{"provider":"echo","upstream":"echo-1"}'`,
    `  ${command} events`,
    `  ${url}/docs in a browser`,
    "",
  ].join("\n")
}

const curl = (url: string, alias: string, auth: boolean): string => {
  const body = JSON.stringify({ model: alias, messages: [{ role: "user", content: "Hello" }] })
  const key = auth ? ` -H "authorization: Bearer $KEY"` : ""
  return `curl ${url}/v1/chat/completions -H "content-type: application/json"${key} -d ${quoted(body)}`
}

const quoted = (text: string): string => (/^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)
