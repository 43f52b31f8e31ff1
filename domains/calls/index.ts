/** What each API method costs, and which release or flag changed it. */
export { type Simulated, simulateCloud } from './changes/simulation.ts'
export { type CallHouse, callHouseMigrations, callHouseRoutes, openCallHouse } from './house.ts'
