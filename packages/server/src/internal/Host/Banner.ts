/** What a host says to people when it listens: where, what it follows, and what to try next. What it shows works as pasted. */
import { version } from "@signalbox/api/Version"

export interface BannerFacts {
  /** How the command is called. */
  readonly command: string
  readonly url: string
  /** The path of the document. */
  readonly config: string
  /** There was no document: this host has written the first one. */
  readonly isNew: boolean
  /** It is refused: the hash of the last good one, which serves; else `undefined`. */
  readonly lastGood: string | undefined
  /** The command finds the document by itself. */
  readonly isUsual: boolean
  /** A model that answers without a key of any provider, else any; `undefined` where there is none. */
  readonly alias: string | undefined
  /** Callers must show a key. */
  readonly auth: boolean
}

export const banner = ({ alias, auth, command: name, config, isNew, isUsual, lastGood, url }: BannerFacts): string => {
  const command = isUsual ? name : `${name} --config ${quoted(config)}`
  return [
    `Signalbox ${version} listens on ${url}`,
    lastGood !== undefined
      ? `It follows ${config}, which is refused: the last good one serves, ${lastGood.slice(0, 12)} of the history. Correct it and save.`
      : isNew
        ? `This is its first start: it has written ${config}. Edit that and save, what changes takes effect at once.`
        : `It follows ${config}: edit it and save, what changes takes effect at once.`,
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
