/** The pages. Each takes what it shows and gives its HTML; fetching is done in main.ts. */
import type { Activity, Frame, Item, List, Member } from './api.ts'
import { type Html, html } from './html.ts'
import { ago, avatar } from './layout.ts'

export function home(lists: readonly List[]): Html {
  return html`<h1>What we are doing</h1>
<p class="soft">${lists.reduce((sum, list) => sum + list.open, 0)} open items on ${lists.length} lists</p>
<ul class="cards">${lists.map(
    (list) => html`<li><a href="/lists/${list.id}">${list.name}</a><p>${list.about}</p>
  <div class="bar"><i style="width:${share(list)}%"></i></div><small class="soft">${list.done} of ${list.open + list.done} done</small></li>`,
  )}</ul>`
}

function share({ open, done }: List): number {
  return Math.round((100 * done) / Math.max(1, open + done))
}

export function listPage(list: List, items: readonly Item[], members: readonly Member[]): Html {
  return html`<h1>${list.name}</h1><p class="soft">${list.about}</p>
<ul class="sheet">${items.map((item) => itemRow(item, members))}</ul>
<form class="row" method="post" action="/lists/${list.id}">
  <input name="title" placeholder="Something to do" aria-label="Title" required maxlength="200"> <button class="main">Add</button>
</form>`
}

function itemRow(item: Item, members: readonly Member[]): Html {
  return html`<li class="${item.state}">${avatar(item.ownerId, item.ownerName, members)}
  <a href="/items/${item.id}">${item.title}</a>${ago(item.updatedAt)}</li>`
}

export function itemPage(item: Item, { lists, members }: Frame, activities: readonly Activity[]): Html {
  const list = lists.find((it) => it.id === item.listId)
  return html`<p class="soft"><a href="/lists/${item.listId}">${list?.name ?? item.listId}</a></p>
<h1>${item.title}</h1>
<p class="soft">${avatar(item.ownerId, item.ownerName, members)} ${item.ownerName} · ${item.state} · ${ago(item.updatedAt)}</p>
<div class="text">${item.body}</div>
<form class="row" method="post" action="/items/${item.id}">
  <button class="main" name="state" value="${item.state === 'open' ? 'done' : 'open'}">${item.state === 'open' ? 'Tick off' : 'Open again'}</button>
</form>
<details><summary class="soft">Edit</summary>
<form class="stack" method="post" action="/items/${item.id}">
  <input name="title" value="${item.title}" aria-label="Title" required maxlength="200">
  <textarea name="body" rows="5" aria-label="Text" maxlength="4000">${item.body}</textarea> <button>Save</button>
</form></details>
<h2>What happened</h2>
<ul class="sheet">${activities.map(
    (it) => html`<li>${avatar(it.memberId, it.memberName, members)}<span>${it.memberName} ${it.says}</span>${ago(it.at)}</li>`,
  )}</ul>`
}

export function membersPage({ members, customers }: Frame): Html {
  const team = members.filter(({ role }) => role !== 'customer')
  return html`<h1>Members</h1>
<p class="soft">${team.length} who work on it, and ${customers.count} customers, of whom ${customers.early} have asked for early access</p>
<ul class="sheet">${team.map(
    (it) => html`<li>${avatar(it.id, it.name, members)}<a href="/members/${it.id}">${it.name}</a><span class="soft">${it.job}</span>
  <small class="soft">${it.open ?? 0} open</small></li>`,
  )}</ul>`
}

export function memberPage(member: Member, items: readonly Item[]): Html {
  return html`<h1>${member.name}</h1><p class="soft">${member.job} · ${member.email}${member.earlyAccess === 1 ? ' · early access' : ''}</p>
<ul class="sheet">${items.map((it) => html`<li class="${it.state}"><span></span><a href="/items/${it.id}">${it.title}</a>${ago(it.updatedAt)}</li>`)}</ul>`
}

export function sorry(status: number, sentence: string): Html {
  return html`<h1>${status === 404 ? 'Not here' : 'That did not work'}</h1><p>${sentence}</p><p><a href="/">Back to the start</a></p>`
}
