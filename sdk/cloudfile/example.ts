/** A whole and good file with one of everything; tests start from it. */
export const exampleCloudFile = `# a small cloud
cloud: pages
services:
  api:
    path: services/api
    build: npm ci --omit=dev
    run: node src/api.js
    port: 4000
    health: /healthz
    stop: 5s
    record: true
    watch: [services/api, shared]
    env:
      WORKERS: 4
      CACHE: true
      DATABASE_PASSWORD: { fromEnv: PAGES_DB_PASSWORD }
      CERTIFICATE: { fromFile: /etc/pages/tls.pem }
  web:
    run: node src/web.js
    port: 3000
    health: /healthz
    open: true
  worker:
    run: node src/worker.js
environments:
  private:
    kind: private
    hosts:
      box: { roles: [web, api, worker, db] }
  qa:
    kind: qa
    tests: { run: npm test, on: web, within: 10m }
    hosts:
      qa1: { roles: [web, api] }
      qa2: { roles: [worker, db] }
  production:
    kind: production
    approval: second-person
    env: { REGION: eu }
    hosts:
      web1: { roles: [web], ports: { web: 3001 } }
      web2: { roles: [web], ports: { web: 3002 } }
      api1: { driver: local, roles: [api] }
      back: { roles: [worker, db] }
deploy:
  - step: install
    on: [web, api, worker]
  - step: migrate
    on: db
    once: true
    run: node migrate.js up
    undo: node migrate.js down
    changes: database
    watch: [migrations]
    rerun: true
    within: 2m
  - step: restart
    on: [web, api]
    batch: 1
    drain: edge drain
    undrain: edge undrain
    check: { http: /healthz, contains: "\${release}", within: 30s, every: 200ms, inARow: 2 }
    onFailure: hold
  - step: restart
    on: worker
    check: { run: node check.js, within: 1m30s }
rings:
  - qa: { where: { in: [{ var: role }, [tester]] } }
  - staff: { where: { ends_with: [{ var: email }, "@example.com"] } }
  - early-access: { segment: early-access }
  - all
calls:
  methods:
    - { path: /rpc/:noun/:verb, verb: POST, name: "{noun}.{verb}" }
    - { path: /search/*, name: Search }
  account: header.X-Account
  audiences:
    - robot: { var: robot }
    - staff: { ends_with: [{ var: account }, "@example.com"] }
    - customer
  budgets:
    Items.getList: { cpu: 10ms, transactions: 3 }
    Search: { real: 0.5s, db: 0.25ms, statements: 2.5 }
`
