/** The tokens of a call as the provider counted them. */
import { Option, Schema } from "effect"

export interface Tokens {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly reasoningTokens: number
}

const Count = Schema.optionalKey(Schema.NullOr(Schema.Number))
const decode = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      prompt_tokens: Count,
      completion_tokens: Count,
      prompt_tokens_details: Schema.optionalKey(Schema.NullOr(Schema.Struct({ cached_tokens: Count }))),
      completion_tokens_details: Schema.optionalKey(Schema.NullOr(Schema.Struct({ reasoning_tokens: Count }))),
    }),
  ),
)

/** From the JSON of a member `usage`; OpenAI counts cached tokens within those of the prompt, the ledger beside them. */
export const tokensOf = (usage: string): Tokens | undefined =>
  Option.match(decode(usage), {
    onNone: () => undefined,
    onSome: (said) => {
      const cached = said.prompt_tokens_details?.cached_tokens ?? 0
      return {
        inputTokens: Math.max(0, (said.prompt_tokens ?? 0) - cached),
        outputTokens: said.completion_tokens ?? 0,
        cacheReadTokens: cached,
        reasoningTokens: said.completion_tokens_details?.reasoning_tokens ?? 0,
      }
    },
  })
