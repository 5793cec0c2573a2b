/** The kinds of providers in the host's schema. A table instead of the schema, which takes longer to load than a command; a test compares them. */
export const kinds = ["openai", "anthropic", "echo"] as const
