/** The kinds of words that a completion script asks this command for (`signalbox complete KIND`). */
export const completedKinds = ["paths", "aliases", "providers", "keys"] as const

export type CompletedKind = (typeof completedKinds)[number]
