/**
 * Swaps two directory entries in one atomic step: each file is then found under the other name. `AtomicFile` uses it to put a new file in place without
 * losing what an editor saved in the last instant. Effect's `FileSystem` has no such operation; platforms that have one provide it here.
 */
import type { Effect, PlatformError } from "effect"
import { Context, Schema } from "effect"

/** The kernel or the file system cannot swap; neither name was touched. The caller falls back to links and renames. */
export class ExchangeUnsupported extends Schema.TaggedError<ExchangeUnsupported>()("ExchangeUnsupported", {
  /** The system call and its error, for people: `renameat2: EINVAL`. */
  detail: Schema.String,
}) {
  override get message(): string {
    return `two files cannot be swapped there (${this.detail})`
  }
}

/**
 * Both names must exist and lie on one file system. Symbolic links are swapped, not followed. The swap is durable once the directories are synced. A
 * missing name fails with reason `NotFound`.
 */
export type Exchange = (a: string, b: string) => Effect.Effect<void, PlatformError.PlatformError | ExchangeUnsupported>

/** The exchange of the platform; `undefined`, the default, if it has none. Read when a service that replaces files is built. */
export const FileExchange: Context.Reference<Exchange | undefined> = Context.Reference<Exchange | undefined>(
  "@signalbox/core/FileExchange",
  { defaultValue: () => undefined },
)
