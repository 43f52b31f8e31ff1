/**
 * Numbers in memory. Fields of times begin as doubles. A JavaScript engine lays a field out by the values that it has held, so one that began
 * as a small integer would be laid out anew when the first large time comes, and all code that reads it compiled again.
 * Values of an array of doubles are doubles, whatever they are.
 */
const doubles = new Float64Array([0, -1])

export const zero = doubles[0] as number
/** Of times: not yet. */
export const never = doubles[1] as number

/** Twice as much room, and no more: `push` would make half of it for what may never come. What is in it twice is to be written over. */
export function doubled(room: number[]): number[] {
  return room.concat(room)
}
