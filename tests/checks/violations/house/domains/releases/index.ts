export const newest = 'v1'
