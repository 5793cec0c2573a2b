/** Reads the provider's token counts. Hand-written because it runs for every call: a schema takes twenty times as long. */
import { Option } from "effect"

export interface Tokens {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly reasoningTokens: number
}

interface Usage {
  readonly prompt_tokens?: unknown
  readonly completion_tokens?: unknown
  readonly prompt_tokens_details?: { readonly cached_tokens?: unknown } | null
  readonly completion_tokens_details?: { readonly reasoning_tokens?: unknown } | null
}

/** Reads the JSON of a `usage` member. OpenAI includes cached tokens in the prompt's tokens, the ledger counts them separately. */
export const tokensOf = (json: string): Tokens | undefined => {
  const usage = Option.getOrUndefined(parse(json)) as Usage | null | undefined
  if (typeof usage !== "object" || usage === null) return undefined
  const cached = count(usage.prompt_tokens_details?.cached_tokens)
  return {
    inputTokens: Math.max(0, count(usage.prompt_tokens) - cached),
    outputTokens: count(usage.completion_tokens),
    cacheReadTokens: cached,
    reasoningTokens: count(usage.completion_tokens_details?.reasoning_tokens),
  }
}

const parse = Option.liftThrowable((json: string): unknown => JSON.parse(json))

/** The ledger clamps values out of its bounds. */
const count = (value: unknown): number => (typeof value === "number" ? value : 0)
