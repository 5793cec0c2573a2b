/** The whole of cli. */
export {}
