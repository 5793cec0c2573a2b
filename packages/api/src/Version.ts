/** The version of this host, its API and its command: that of the packages, which are published together. */
export const version = "0.1.0"
