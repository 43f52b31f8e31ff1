/** What every page shares: head, navigation, the line at the bottom that says who served it. */
import { here } from '#shared/belay.ts'
import type { Frame, Member } from './api.ts'
import { type Html, html } from './html.ts'
import { style } from './style.ts'

export type Shown = { title: string; path: string; frame: Frame }

export function page({ title, path, frame }: Shown, content: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>${title} – Pages</title>
<style>${style}</style>
</head>
<body>
<nav>
  <a class="brand" href="/">Pages</a>
  ${frame.lists.map((list) => html`<a href="/lists/${list.id}" ${current(path, `/lists/${list.id}`)}>${list.name}<small>${list.open}</small></a>`)}
  <a href="/members" ${current(path, '/members')}>Members</a>
  <form method="post" action="/me">
    <input type="hidden" name="back" value="${path}">
    <label>You are <select name="member">
      ${kinds.map(([kind, isOne]) => choices(kind, everybody(frame).filter(isOne), frame.me))}
    </select></label> <button>Change</button>
  </form>
</nav>
<main>${content}</main>
<footer>Pages ${here.release} · ${here.environment} · served by ${here.host}</footer>
<script>addEventListener('load', () => setTimeout(() => navigator.sendBeacon('/api/Stats.save',
  JSON.stringify({ page: location.pathname, ms: performance.getEntriesByType('navigation')[0].duration }))))</script>
</body>
</html>
`.text
}

const kinds: readonly [string, (member: Member) => boolean][] = [
  ['Testers', ({ role }) => role === 'tester'],
  ['Pages', ({ role }) => role === 'staff'],
  ['Customers with early access', ({ role, earlyAccess }) => role === 'customer' && earlyAccess === 1],
  ['Customers', ({ role, earlyAccess }) => role === 'customer' && earlyAccess === 0],
]

/** The one who looks may be a customer of whom the frame says nothing. */
function everybody({ members, me }: Frame): readonly Member[] {
  return me === null || members.some(({ id }) => id === me.id) ? members : [...members, me]
}

function choices(kind: string, members: readonly Member[], me: Member | null): Html {
  return html`<optgroup label="${kind}">${members.map(
    (it) => html`<option value="${it.id}" ${it.id === me?.id ? html`selected` : null}>${it.name}</option>`,
  )}</optgroup>`
}

function current(path: string, href: string): Html | null {
  return path === href ? html`aria-current="page"` : null
}

export function avatar(id: string | null, name: string, members: readonly Member[]): Html {
  const color = members.find((member) => member.id === id)?.color ?? (id === null ? '#777' : colorOf(name))
  return html`<span class="avatar" style="background:${color}" title="${name}">${initials(name)}</span>`
}

/** Of whom the frame says nothing, always the same one. */
const colors = ['#96622d', '#3f7350', '#36648b', '#80483f', '#6a5a8c', '#5f6b2f']
function colorOf(name: string): string {
  const sum = name.length + name.charCodeAt(0) + name.charCodeAt(name.length - 1)
  return colors[sum % colors.length] as string
}

function initials(name: string): string {
  return name
    .split(' ')
    .map((word) => word[0])
    .join('')
    .slice(0, 2)
}

const steps: readonly [ms: number, word: string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
]

/** "3 min ago" */
export function ago(at: number, now = Date.now()): Html {
  const [ms, word] = steps.find(([size]) => now - at >= size) ?? [0, '']
  const text = ms === 0 ? 'just now' : `${Math.floor((now - at) / ms)} ${word} ago`
  return html`<time datetime="${new Date(at).toISOString()}">${text}</time>`
}
