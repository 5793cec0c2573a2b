/** Whether the arguments hold a global switch. Works on the raw words, because they may be what effect/cli rejects. */
export const hasFlag = (args: ReadonlyArray<string>, flag: string): boolean => {
  const end = args.indexOf("--")
  return args.slice(0, end === -1 ? args.length : end).includes(flag)
}

export const isVerbose = (args: ReadonlyArray<string>): boolean =>
  hasFlag(args, "--verbose") || (process.env["SIGNALBOX_DEBUG"] ?? "") !== ""
