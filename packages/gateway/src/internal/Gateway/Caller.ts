/** Who calls, and which models that caller may use beside what the models themselves say (`allowed_keys`, which `Models` enforces). */
import type { Credential, Credentials } from "@signalbox/core/Credentials"
import { Result } from "effect"
import { ApiError } from "./ApiError.ts"

export interface Caller {
  /** The id of the key; `undefined` without one. */
  readonly key: string | undefined
  readonly mayUse: (alias: string) => boolean
}

/** Looks again who calls: a key may be revoked while its request is on its way. */
export type Identify = () => Result.Result<Caller, ApiError>

/**
 * Where keys are required, only a caller with a valid one is let in. Where they are not, a valid one still counts: its calls are recorded
 * under its id and its limits hold. Anything else in the header is then nobody's business, because many programs insist on sending some key.
 */
export const callerOf = (
  authorization: string | undefined,
  required: boolean,
  credentials: Credentials["Service"],
): Result.Result<Caller, ApiError> => {
  const secret = authorization === undefined ? undefined : bearer.exec(authorization)?.[1]
  const credential = secret === undefined || secret.length > maxSecret ? undefined : credentials.authenticate(secret)
  if (credential !== undefined) return Result.succeed(known(credential))
  if (!required) return anonymous
  return Result.fail(secret === undefined ? missing : wrong)
}

const bearer = /^bearer +(\S+) *$/i
const maxSecret = 1_024

const everyModel = () => true

const anonymous = Result.succeed<Caller>({ key: undefined, mayUse: everyModel })

const known = ({ id, models }: Credential): Caller => ({
  key: id,
  mayUse: models.includes("*") ? everyModel : (alias) => models.includes(alias),
})

const missing = new ApiError({
  status: 401,
  code: "missing_api_key",
  message: "a key is required here: send `Authorization: Bearer sk-…`; `signalbox keys add NAME` makes one",
})
const wrong = new ApiError({
  status: 401,
  code: "invalid_api_key",
  message: "this key is not known, or was revoked; `signalbox keys add NAME` makes a new one",
})
