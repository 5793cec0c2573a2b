/**
 * The owners whose files Signalbox accepts in its directories: this user, root, and the owner of the directory, which may replace every file there.
 * Linux applies the same rule to shared directories (`fs.protected_symlinks`, `fs.protected_regular`). This module does not import effect.
 */

/**
 * Returns whether the owner `uid` of a name in a directory of `directoryUid` is trusted. `user` is the effective user of this process.
 *
 * **Example** (Another user's file in a shared directory)
 *
 * ```ts
 * import { isTrustedOwner } from "@signalbox/core/FileOwners"
 *
 * isTrustedOwner(1001, 1000, () => 0) // => false
 * ```
 */
export const isTrustedOwner = (uid: number, user: number, directoryUid: () => number | undefined): boolean =>
  uid === user || uid === 0 || uid === directoryUid()

/**
 * Describes a file of another user, after its path.
 *
 * **Example** (Describing a file)
 *
 * ```ts
 * import { foreignOwner } from "@signalbox/core/FileOwners"
 *
 * foreignOwner(1001) // => "belongs to user 1001, who can change it: give it to this user with chown, or move it away"
 * ```
 */
export const foreignOwner = (uid: number): string =>
  `belongs to user ${uid}, who can change it: give it to this user with chown, or move it away`

/**
 * Describes a symbolic link of another user, after its path.
 *
 * **Example** (Describing a link)
 *
 * ```ts
 * import { foreignLink } from "@signalbox/core/FileOwners"
 *
 * foreignLink(1001) // => "is a symbolic link of user 1001, who can point it to any file: remove the link"
 * ```
 */
export const foreignLink = (uid: number): string =>
  `is a symbolic link of user ${uid}, who can point it to any file: remove the link`
