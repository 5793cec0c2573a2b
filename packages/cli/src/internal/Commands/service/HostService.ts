/** The command line and directory of a host that a service manager starts. */
export interface HostService {
  /** The absolute paths of Node and of this program, and the flags that Node needs. */
  readonly program: ReadonlyArray<string>
  /** `--config FILE`, unless the document is the default one. */
  readonly arguments: ReadonlyArray<string>
  /** The directory that the host writes to. */
  readonly directory: string
}
