/** One thing that was looked at. */
export interface Finding {
  readonly check: string
  /** `note`: worth knowing, and nothing is wrong. */
  readonly state: "ok" | "note" | "problem"
  readonly message: string
  /** What to do about it. */
  readonly advice?: string
}

export const ok = (check: string, message: string): Finding => ({ check, state: "ok", message })
export const note = (check: string, message: string, advice?: string): Finding => ({
  check,
  state: "note",
  message,
  ...(advice === undefined ? {} : { advice }),
})
export const problem = (check: string, message: string, advice: string): Finding => ({
  check,
  state: "problem",
  message,
  advice,
})
