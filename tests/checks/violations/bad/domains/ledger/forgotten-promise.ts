const later = (): Promise<void> => Promise.resolve()

export const forgotten = (): void => {
  later()
}
