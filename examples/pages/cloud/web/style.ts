import { Html } from './html.ts'

export const style = new Html(`
:root { color-scheme: light dark; --ink: light-dark(#1f2328, #e4e2dd); --soft: light-dark(#5c6470, #a09c94); --ground: light-dark(#faf8f5, #191817);
  --sheet: light-dark(#fff, #232120); --line: light-dark(#e4dfd8, #37332f); --warm: light-dark(#a6431d, #f0956b); }
* { box-sizing: border-box }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); display: grid; grid-template-columns: 15rem 1fr; min-height: 100vh; grid-template-rows: 1fr auto }
nav { grid-row: 1 / 3; position: sticky; top: 0; height: 100vh; padding: 1.5rem 1rem; border-right: 1px solid var(--line); display: flex; flex-direction: column; gap: .15rem }
nav a { display: flex; justify-content: space-between; padding: .35rem .6rem; border-radius: .4rem; color: inherit; text-decoration: none }
nav a:hover, nav a[aria-current] { background: var(--sheet); box-shadow: 0 0 0 1px var(--line) }
nav a.brand { font: 600 1.5rem Georgia, serif; color: var(--warm); background: none; box-shadow: none; margin-bottom: .75rem }
nav small, .soft, footer, time { color: var(--soft); font-size: .85rem; font-variant-numeric: tabular-nums }
nav form { margin-top: auto; font-size: .85rem; color: var(--soft) }
main { padding: 2rem 2.5rem; max-width: 52rem; width: 100% }
h1 { font: 600 1.9rem/1.2 Georgia, serif; margin: 0 0 .25rem }
h2 { font: 600 1.05rem system-ui; margin: 2rem 0 .5rem }
a { color: var(--warm) }
.sheet { background: var(--sheet); border: 1px solid var(--line); border-radius: .6rem; padding: 0; margin: 1rem 0; list-style: none }
.sheet:empty { display: none }
.sheet > li { display: flex; gap: .75rem; align-items: baseline; padding: .6rem 1rem; border-top: 1px solid var(--line) }
.sheet > li:first-child { border-top: 0 }
.sheet > li > :nth-child(2) { flex: 1 }
.sheet a { color: inherit; text-decoration: none } .sheet a:hover { color: var(--warm) }
.done a { color: var(--soft); text-decoration: line-through }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; padding: 0; list-style: none; margin: 1.5rem 0 }
.cards li { background: var(--sheet); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.1rem }
.cards a { font: 600 1.1rem Georgia, serif; text-decoration: none }
.cards p { margin: .3rem 0 .8rem; color: var(--soft); font-size: .92rem }
.bar { height: .35rem; border-radius: 1rem; background: var(--line); overflow: hidden } .bar i { display: block; height: 100%; background: var(--warm) }
.text { font: 1.1rem/1.6 Georgia, serif; white-space: pre-wrap; margin: 1rem 0 1.5rem }
.avatar { display: inline-grid; place-items: center; width: 1.7rem; height: 1.7rem; border-radius: 50%; color: #fff; font-size: .68rem; font-weight: 600; flex: none; align-self: center }
input, textarea, select, button { font: inherit; color: inherit; background: var(--sheet); border: 1px solid var(--line); border-radius: .4rem; padding: .35rem .6rem; max-width: 100% }
input[name=title], textarea { width: 100% }
button { cursor: pointer } button.main { background: var(--warm); color: var(--ground); border-color: transparent }
form.row { display: flex; gap: .5rem } form.stack { display: grid; gap: .5rem; justify-items: start }
footer { padding: 1rem 2.5rem }
@media (max-width: 40rem) { body { display: block } nav { position: static; height: auto; border: 0 } main { padding: 1rem } }
`)
