/**
 * The schemas of a provider's address and key. They refuse what no request could use, so that a mistake shows at its line when the document is
 * saved. Their messages are fixed texts: a value may be a secret.
 */
import { Option, Schema } from "effect"
import { withoutSecretForms } from "../SecretForms.ts"

/** An http(s) URL without credentials, query and fragment, because a document is shown to people who may not see a key. */
export const BaseUrl = Schema.String.check(
  Schema.isPattern(/^https?:\/\/[^\s/?#@\\]+(?:\/[^\s?#@\\]*)?$/i, {
    message: "must be an http or https URL without user, query and fragment; put a credential into api_key",
  }).abort(),
  Schema.makeFilter<string>((url) => hasUsablePort(url), {
    message: "has a port that does not exist: use 1 to 65535, or leave the port out",
  }).abort(),
  Schema.makeFilter<string>((url) => Option.isSome(parseUrl(url)), {
    message: "has a host that is neither a host name nor an IP address: correct it",
  }).abort(),
  Schema.makeFilter<string>((url) => withoutSecretForms(url, "") === url, {
    message: "holds an API key, but is shown to everyone who may read the document: put the key into api_key",
  }),
)

const hasUsablePort = (url: string): boolean => {
  const port = /^[^/]*\/\/(?:\[[^\]/]*\]|[^[:/]*):([^/]*)/.exec(url)?.[1]
  return port === undefined || (/^0*[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535)
}

const parseUrl = Schema.decodeUnknownOption(Schema.URLFromString)

/** A key as one HTTP header can carry it (RFC 9110, 5.5). Header values lose a space at either end, and other characters have no agreed encoding. */
export const ApiKey = Schema.String.check(
  Schema.isNonEmpty({ message: "must not be empty: write the key, or leave api_key out" }).abort(),
  Schema.isMaxLength(4_096, { message: "must have at most 4096 characters, which HTTP servers accept in a header" }),
  Schema.isPattern(/^(?! )[ -~]*(?<! )$/, {
    message: "must have printable ASCII characters only, and no space at either end: an HTTP header carries no others",
  }).abort(),
  Schema.makeFilter<string>((key) => !isReference(key), {
    message:
      "must be the key itself, not a reference or a placeholder: write the key, or leave it out here and set it in the host's environment",
  }),
)

/** The forms in which other programs refer to a key that is stored elsewhere, and brackets around a key that was not filled in. */
const isReference = (key: string): boolean => references.some((form) => form.test(key))

const references: ReadonlyArray<RegExp> = [
  // A text of the history has the marker <redacted> in place of a key, and must load.
  // ${NAME}, $NAME, $(command), %NAME%, {{ name }}, {env:NAME}, <your key>, sk-...
  /^\$[({A-Za-z_]|^%\w+%$|^\{.*\}$|^<(?!redacted>$).*>$|\.\.\.$/,
  // os.environ/NAME, process.env.NAME, env:NAME
  /^(?:os\.environ|process\.env|import\.meta\.env|env)[:./[]/i,
  // file:path, vault:path, op://vault/item
  /^(?:file|secret|vault|keychain|keyring|cmd|exec|command):|^[a-z][a-z\d+-]*:\/\//i,
  // OPENAI_API_KEY
  /^[A-Z][A-Z\d]*(?:_[A-Z\d]+)*_(?:KEY|TOKEN|SECRET|PASSWORD)$/,
]
