/** Deployments: the steps of a release carried out on an environment, there and back, and their rehearsals. */
export { type Deployments, openDeployments } from './deployments.ts'
export { type Plan, type PlanInput, planDeployment } from './model/plan.ts'
export { type CostJudge, type DriveElsewhere, openRehearsals, type Rehearsals } from './rehearsals.ts'
export { deploymentRoutes, releaseStanding } from './routes.ts'
export { deploymentMigrations } from './tables.ts'
