/** The whole of gateway. */
export {}
