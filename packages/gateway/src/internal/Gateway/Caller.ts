/** Identifies the caller by its key and applies the key's own list of models. `Models` enforces the models' `allowed_keys`. */
import type { Credential, Credentials } from "@signalbox/core/Credentials"
import { Result } from "effect"
import { ApiError } from "./ApiError.ts"

export interface Caller {
  /** The id of the key, `undefined` without a key. */
  readonly key: string | undefined
  readonly mayUse: (alias: string) => boolean
}

/** Identifies the caller again: a key may be revoked while its request is being received. */
export type Identify = () => Result.Result<Caller, ApiError>

/**
 * If keys are required, only callers with a valid key pass. If not, a valid key still applies: its calls are recorded under its id and its limits
 * hold. Any other key is then ignored, because many programs always send one.
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
  message: "this host requires a key: send `Authorization: Bearer sk-…`; `signalbox keys add NAME` creates one",
})
const wrong = new ApiError({
  status: 401,
  code: "invalid_api_key",
  message: "this key is unknown or was revoked; `signalbox keys add NAME` creates a new one",
})
