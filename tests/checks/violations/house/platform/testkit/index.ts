export const makeBelieve = true
