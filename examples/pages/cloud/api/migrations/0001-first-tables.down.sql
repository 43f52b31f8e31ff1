DROP TABLE stats;
DROP TABLE views;
DROP TABLE activities;
DROP TABLE items;
DROP TABLE lists;
DROP TABLE members;
