/**
 * Swaps two directory entries in one step, so that what stood at either name still exists under the other. The file source uses it to
 * put a new document in place without ever losing what an editor saved in the last instant. FileSystem has no such operation; platforms
 * that do provide it here, and `undefined` means that there is none.
 */
import type { Effect, PlatformError } from "effect"
import { Context, Schema } from "effect"

/** Neither name was touched: the kernel or the file system cannot swap. The caller goes another way. */
export class ExchangeUnsupported extends Schema.TaggedError<ExchangeUnsupported>()("ExchangeUnsupported", {
  /** What refused, for people: `renameat2: EINVAL`. */
  detail: Schema.String,
}) {
  override get message(): string {
    return `two files cannot be swapped there (${this.detail})`
  }
}

/**
 * Both names must exist and lie on one file system; symbolic links are swapped, not followed. Atomic for everybody who looks, but not
 * durable until the directories are synced. A name that is missing fails with reason `NotFound`.
 */
export type Exchange = (a: string, b: string) => Effect.Effect<void, PlatformError.PlatformError | ExchangeUnsupported>

/** The platform's; `undefined`, which is the default: there is none. Read when the file source is built. */
export const FileExchange: Context.Reference<Exchange | undefined> = Context.Reference<Exchange | undefined>(
  "@signalbox/core/FileExchange",
  { defaultValue: () => undefined },
)
