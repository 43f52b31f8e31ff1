DELETE FROM activities;
DELETE FROM items;
DELETE FROM lists;
DELETE FROM members;
