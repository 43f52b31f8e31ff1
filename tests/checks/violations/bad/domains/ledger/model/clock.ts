export const clock = (): number => Date.now()
