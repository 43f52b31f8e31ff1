CREATE TABLE members (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  job TEXT NOT NULL,
  color TEXT NOT NULL,
  email TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL CHECK (role IN ('tester', 'staff', 'customer')),
  -- 1: asked to have new things before others.
  early_access INTEGER NOT NULL DEFAULT 0 CHECK (early_access IN (0, 1))
);
CREATE TABLE lists (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  about TEXT NOT NULL,
  position INTEGER NOT NULL
);
CREATE TABLE items (
  id TEXT PRIMARY KEY,
  list_id TEXT NOT NULL REFERENCES lists (id),
  title TEXT NOT NULL,
  body TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done')),
  owner_id TEXT NOT NULL REFERENCES members (id),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
CREATE INDEX items_of_list ON items (list_id, state, updated_at);
CREATE TABLE activities (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  item_id TEXT NOT NULL REFERENCES items (id),
  -- Null: the worker did it.
  member_id TEXT REFERENCES members (id),
  kind TEXT NOT NULL,
  says TEXT NOT NULL,
  at INTEGER NOT NULL
);
CREATE INDEX activities_of_item ON activities (item_id, id);
-- What browsers report: one row for each page shown, until the worker has counted it.
CREATE TABLE views (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  page TEXT NOT NULL,
  ms INTEGER NOT NULL,
  at INTEGER NOT NULL
);
CREATE TABLE stats (
  page TEXT PRIMARY KEY,
  views INTEGER NOT NULL,
  ms_sum INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
