/** TCP sessions of captures: taken, kept, compared, joined with the calls that travelled in them. */
export {}
