/**
 * Files that are mount points of their own: a container gets one file of its host (`docker run --volume ./config.json:/etc/config.json`). Such a name
 * cannot be replaced from inside (`EBUSY`), and it keeps leading to the old file if a program outside replaces the file. Pure: callers read proc(5).
 */

/** The file in which the kernel lists the mounts of this process (proc(5)). */
export const mountsPath = "/proc/self/mountinfo"

/**
 * Returns why a document that is a mount point is a problem, with the remedy. `mounts` is the text of `mountsPath`, and `path` has no symbolic links. Returns
 * `undefined` for any other path.
 *
 * **Example** (A file of a container's host)
 *
 * ```ts
 * import { mountedFileProblem } from "@signalbox/core/MountedFile"
 *
 * const mounts = "64 43 254:0 /srv/config.json /etc/config.json rw,relatime - ext4 /dev/vda rw"
 *
 * mountedFileProblem(mounts, "/etc/config.json")?.includes("mounted as a single file") // => true
 * mountedFileProblem(mounts, "/etc/other.json") // => undefined
 * ```
 */
export const mountedFileProblem = (mounts: string, path: string): string | undefined => {
  const root = mounts
    .split("\n")
    .map((line) => line.split(" "))
    .findLast((fields) => unescape(fields[4] ?? "") === path)?.[3]
  if (root === undefined) return undefined
  return root.endsWith("//deleted") ? replacedOutside(path) : singleFile(path)
}

/**
 * Describes a mounted file that a program outside has replaced. Its inode has no name left.
 *
 * **Example** (Describing the old file)
 *
 * ```ts
 * import { replacedOutside } from "@signalbox/core/MountedFile"
 *
 * replacedOutside("/etc/config.json").startsWith("/etc/config.json is the old file") // => true
 * ```
 */
export const replacedOutside = (path: string): string =>
  `${path} is the old file: a program outside of this mount has replaced it, and this process cannot see the new one: mount the directory of the file instead of the file, and start this again`

const singleFile = (path: string): string =>
  `${path} is mounted as a single file: it is written in place, and a save that replaces the file outside, as most editors do, is not noticed: mount the directory of the file instead`

/** proc_pid_mountinfo(5): space, tab, newline and backslash are octal. */
const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
