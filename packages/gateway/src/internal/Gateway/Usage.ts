/** The tokens of a call as the provider counted them. Read by hand, because it runs for every call: a schema takes twenty times as long. */
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

/** From the JSON of a member `usage`; OpenAI counts cached tokens within those of the prompt, the ledger beside them. */
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

/** The ledger puts right what is out of its bounds. */
const count = (value: unknown): number => (typeof value === "number" ? value : 0)
