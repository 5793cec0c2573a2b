/** The version of the host, its API and its command. All packages are published together with one version. */
export const version = "0.1.0"
