-- What a new cloud starts with, so that there is something to look at.
INSERT INTO members (id, name, job, color, email, role) VALUES
  ('mira', 'Mira Solberg', 'Product', '#b4532a', 'mira@pages.example', 'staff'),
  ('tomas', 'Tomás Ferreira', 'Engineering', '#2f6f8f', 'tomas@pages.example', 'staff'),
  ('ada', 'Ada Okafor', 'Engineering', '#6b4fa0', 'ada@pages.example', 'staff'),
  ('jun', 'Jun Watanabe', 'Design', '#2f7d4f', 'jun@pages.example', 'staff'),
  ('lena', 'Lena Hofmann', 'Support', '#a03a5b', 'lena@pages.example', 'staff'),
  ('samir', 'Samir Haddad', 'Operations', '#8a6d1f', 'samir@pages.example', 'staff'),
  -- One tests for us, two for us from elsewhere.
  ('petra', 'Petra Novak', 'Quality', '#7a4a2b', 'petra@pages.example', 'tester'),
  ('quim', 'Quim Duarte', 'Crashtest & Co.', '#4a5f73', 'quim@crashtest.example', 'tester'),
  ('rui', 'Rui Lindgren', 'Crashtest & Co.', '#73546a', 'rui@crashtest.example', 'tester');
-- Customers: each of these first names in each of these families, who work for five companies. Three of ten have
-- asked for early access.
WITH
  first (n, name) AS (VALUES (0, 'Amara'), (1, 'Bela'), (2, 'Chloe'), (3, 'Dario'), (4, 'Esra'), (5, 'Farid'), (6, 'Greta'),
    (7, 'Hugo'), (8, 'Ines'), (9, 'Jonas')),
  family (n, name) AS (VALUES (0, 'Berg'), (1, 'Costa'), (2, 'Dahl'), (3, 'Eriksen'), (4, 'Fischer'), (5, 'Garcia'), (6, 'Horvat'),
    (7, 'Ito'), (8, 'Janssen'), (9, 'Kaya'), (10, 'Lopez'), (11, 'Moreau'), (12, 'Nowak'), (13, 'Ortiz')),
  company (n, name, domain, color) AS (VALUES (0, 'Harbour Bakery', 'harbour.example', '#96622d'), (1, 'Linden Press', 'linden.example', '#3f7350'),
    (2, 'Nordlicht', 'nordlicht.example', '#36648b'), (3, 'Otter & Sons', 'otter.example', '#80483f'), (4, 'Tram 12', 'tram12.example', '#6a5a8c'))
INSERT INTO members (id, name, job, color, email, role, early_access)
  SELECT lower(first.name || family.name), first.name || ' ' || family.name, company.name, company.color,
    lower(first.name || '.' || family.name) || '@' || company.domain, 'customer', (7 * first.n + family.n) % 10 < 3
  FROM first, family JOIN company ON company.n = (first.n + 3 * family.n) % 5;
INSERT INTO lists (id, name, about, position) VALUES
  ('launch', 'Spring launch', 'Everything between now and the day we open the doors.', 1),
  ('website', 'Website', 'What visitors see first.', 2),
  ('office', 'Office move', 'New rooms, old plants, working network.', 3),
  ('ideas', 'Ideas', 'No promises. Write it down before it is gone.', 4);
INSERT INTO items (id, list_id, title, body, state, owner_id, created_at, updated_at)
  SELECT column1, column2, column3, column4, column5, column6, made, made
  FROM (SELECT *, (unixepoch() - column7 * 7000) * 1000 AS made FROM (VALUES
    ('i1', 'launch', 'Write the announcement', 'Two paragraphs, no adjectives. What changed, for whom, since when.', 'open', 'mira', 24),
    ('i2', 'launch', 'Pick the date', 'Not a Friday. Not the week of the trade fair.', 'done', 'mira', 23),
    ('i3', 'launch', 'Invite the first fifty teams', 'Lena has the list of those who asked twice.', 'open', 'lena', 22),
    ('i4', 'launch', 'Weekly notes', 'What moved, what is stuck, who needs help.', 'open', 'mira', 21),
    ('i5', 'launch', 'Weekly notes', 'Second week: the date holds, the price page does not.', 'open', 'mira', 20),
    ('i6', 'launch', 'Load test with last year''s peak', 'Replay the busiest hour, twice as fast.', 'open', 'samir', 19),
    ('i7', 'launch', 'Price page, final wording', 'Legal has read it. Support has not.', 'open', 'lena', 18),
    ('i8', 'website', 'New front page', 'One screenshot, one sentence, one button.', 'open', 'jun', 17),
    ('i9', 'website', 'Contrast of the grey text', 'Fails at 3.9:1, needs 4.5:1.', 'done', 'jun', 16),
    ('i10', 'website', 'Pages load without JavaScript', 'They should be readable on a train.', 'open', 'ada', 15),
    ('i11', 'website', 'Redirect the old help links', 'There are 214 of them; a table is attached to the wiki page.', 'open', 'tomas', 14),
    ('i12', 'website', 'Search finds plurals', '"invoice" should find "invoices".', 'open', 'ada', 13),
    ('i13', 'website', 'Dark colours', 'Follow the system, no switch.', 'open', 'jun', 12),
    ('i14', 'office', 'Measure the meeting room', 'The table is 3.20 m. The door is not.', 'done', 'samir', 11),
    ('i15', 'office', 'Network sockets by the window', 'Four each side, labelled.', 'open', 'samir', 10),
    ('i16', 'office', 'Who takes the plants?', 'Twelve of them. The big one is called Gerald.', 'open', 'lena', 9),
    ('i17', 'office', 'Return the old badges', 'Box at the entrance until the 30th.', 'open', 'samir', 8),
    ('i18', 'office', 'Coffee machine: rent or buy', 'Tomás has the figures for both.', 'open', 'tomas', 7),
    ('i19', 'ideas', 'Reading mode', 'Only the text, wide margins, nothing moves.', 'open', 'ada', 6),
    ('i20', 'ideas', 'Mail in, item out', 'Forward a mail to a list and it becomes an item.', 'open', 'tomas', 5),
    ('i21', 'ideas', 'A quiet hour', 'No notifications from ten to eleven.', 'open', 'mira', 4),
    ('i22', 'ideas', 'Print a list as a poster', 'For the wall in the corridor.', 'open', 'jun', 3),
    ('i23', 'ideas', 'Keyboard for everything', 'j, k, x, and nothing to remember beyond that.', 'open', 'ada', 2),
    ('i24', 'ideas', 'Show who is reading', 'Perhaps not. Discuss.', 'open', 'lena', 1)));
INSERT INTO activities (item_id, member_id, kind, says, at)
  SELECT id, owner_id, 'made', 'wrote this down', created_at FROM items;
INSERT INTO activities (item_id, member_id, kind, says, at)
  SELECT id, owner_id, 'done', 'ticked it off', created_at + 3600000 FROM items WHERE state = 'done';
