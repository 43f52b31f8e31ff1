export const explicit = (x: any): string => String(x)
