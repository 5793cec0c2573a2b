/** The result of one check of `doctor`. */
export interface CheckResult {
  readonly check: string
  /** `note` is worth knowing but not wrong. */
  readonly state: "ok" | "note" | "problem"
  readonly message: string
  /** The remedy. */
  readonly advice?: string
}

export const ok = (check: string, message: string): CheckResult => ({ check, state: "ok", message })

export const note = (check: string, message: string, advice?: string): CheckResult => ({
  check,
  state: "note",
  message,
  ...(advice === undefined ? {} : { advice }),
})

export const problem = (check: string, message: string, advice: string): CheckResult => ({
  check,
  state: "problem",
  message,
  advice,
})
