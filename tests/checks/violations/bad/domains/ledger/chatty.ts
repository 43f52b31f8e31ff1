export const chatty = (): void => console.log('a domain does not talk to the terminal')
