/** A signal may interrupt a system call (`EINTR`), above all on network and user-space file systems: then nothing has happened, and it is repeated. */

/** Then the error is reported: a file system that always fails so must not keep the thread. */
export const maxInterruptions = 100

/** Runs one system call until no signal interrupts it. */
export const uninterrupted = <A>(call: () => A): A => {
  for (let interruptions = 0; ; interruptions++) {
    try {
      return call()
    } catch (error) {
      if (codeOf(error) !== "EINTR" || interruptions === maxInterruptions) throw error
    }
  }
}

/** The code of an error: `ENOENT`, `EACCES` …, or `EIO` for other errors. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "EIO"
