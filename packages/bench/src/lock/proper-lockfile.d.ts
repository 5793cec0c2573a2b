declare module "proper-lockfile" {
  interface Retries {
    readonly retries: number
    readonly factor: number
    readonly minTimeout: number
    readonly maxTimeout: number
    readonly randomize: boolean
  }
  const properLockfile: {
    readonly lock: (file: string, options?: { readonly retries?: Retries }) => Promise<() => Promise<void>>
  }
  export default properLockfile
}
