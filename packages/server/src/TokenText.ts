/** The format of an admin token. Without effect, for a command that must start quickly. */

/** Returns the token in a file's text: 43 characters of base64url, and perhaps a newline that an editor added. `undefined` for any other text. */
export const tokenIn = (text: string): string | undefined => /^([\w-]{43})\s*$/.exec(text)?.[1]
