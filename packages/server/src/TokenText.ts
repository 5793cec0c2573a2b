/** What a token looks like. Without effect, for a command that must start quickly. */

/** 256 bits in base64url; an editor may have added a newline. `undefined` for all else. */
export const tokenIn = (text: string): string | undefined => /^([\w-]{43})\s*$/.exec(text)?.[1]
