/** Replaces each secret wherever a document is shown. A write that holds it keeps the stored secret. */
export const redactionMarker = "<redacted>"

/** Whether a value holds the marker anywhere. */
export const holdsMarker = (value: unknown): boolean =>
  value === redactionMarker || (typeof value === "object" && value !== null && Object.values(value).some(holdsMarker))
