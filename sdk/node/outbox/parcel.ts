/** What goes to the server and is counted there once: the same source and batch always means the same content. */
export type Parcel = {
  readonly source: string
  readonly batch: number
  /** How many things it is about: what is lost when it is. */
  readonly items: number
  /** JSON, as it travels. */
  readonly text: string
}
