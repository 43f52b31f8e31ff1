export const untrue: number = 'a type error'
