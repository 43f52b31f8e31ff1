export const neverUsed = 'a door names only what somebody uses'
