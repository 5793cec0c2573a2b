/** The code of a system error: `ENOENT`, `EACCES` … */
export const errorCode = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "unknown"
